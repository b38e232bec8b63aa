import type { Clock, Timer } from '../host/clock.ts';
import { signalProcess } from '../host/process-signal.ts';
import { isAlive, readProcess } from '../host/process-table.ts';
import type { ExitStatus } from './exit-reason.ts';
import type { LaunchRequest, TreeProcess, WorkerProcess } from './launcher.ts';
import { endOrMoment } from './output.ts';
import { ProcessTree } from './process-tree.ts';
import type { ScoreboardFile } from './scoreboard-file.ts';
import type { WorkerStdio } from './worker-stdio.ts';

/**
 * `waiting` for the fork server to load, `asked` of it, `alive`, `ended`. Until it is alive its end is only noted: a
 * process that was not asked for yet never comes, and one that was is met by the signal when it comes.
 */
type Standing =
  | { readonly name: 'waiting' }
  | { readonly name: 'asked'; readonly signal?: NodeJS.Signals }
  | { readonly name: 'alive' }
  | { readonly name: 'ended' };

export interface ForkedProcessOptions {
  readonly request: LaunchRequest;
  readonly stdio: WorkerStdio;
  readonly clock: Clock;
  /** It is not wanted any more, before it was asked for. */
  readonly onCancelled: () => void;
  /** The fork server owes it although it was told to end once more, or does not tell that it has ended. */
  readonly onOverdue: () => void;
}

/** How long the fork server may take to tell of an end. */
const reportMs = 2_000;

/** A worker forked from a fork server, from the wish for it on. */
export class ForkedProcess implements WorkerProcess {
  readonly request: LaunchRequest;
  readonly stdio: WorkerStdio;
  readonly #options: ForkedProcessOptions;
  #standing: Standing = { name: 'waiting' };
  /** From its spawn on, as the tree, of which some may outlive the process itself. */
  #root: TreeProcess | undefined;
  #tree: ProcessTree | undefined;
  /** `undefined` when all was read. */
  #outputEnd: Promise<void> | undefined;
  #report: Timer | undefined;

  constructor(options: ForkedProcessOptions) {
    this.#options = options;
    this.request = options.request;
    this.stdio = options.stdio;
  }

  get standing(): Standing['name'] {
    return this.#standing.name;
  }

  get root(): TreeProcess | undefined {
    return this.#root;
  }

  get pid(): number | undefined {
    return this.#root?.pid;
  }

  get scoreboard(): ScoreboardFile | undefined {
    return this.stdio.scoreboard;
  }

  noteAsked(): void {
    this.#standing = { name: 'asked' };
  }

  noteSpawned(root: TreeProcess): void {
    if (this.#standing.name !== 'asked') return;
    const { signal } = this.#standing;
    this.#standing = { name: 'alive' };
    this.#root = root;
    this.#tree = new ProcessTree(root, this.request.marker);
    this.#outputEnd = this.stdio.read(this.#options.clock, this.request);
    void this.#outputEnd.then(() => {
      this.#outputEnd = undefined;
      this.#expectReport();
    });
    this.request.onSpawned(root.pid);
    if (signal !== undefined) signalProcess(root, signal);
  }

  noteSpawnFailed(error: Error): void {
    if (!this.#end()) return;
    this.scoreboard?.close();
    this.request.onSpawnFailed(error);
  }

  noteExited(exit: ExitStatus): void {
    if (!this.#end()) return;
    const tell = (): void => this.request.onExit(exit);
    if (this.#outputEnd !== undefined) void endOrMoment(this.#outputEnd, this.#options.clock).then(tell);
    else queueMicrotask(tell);
  }

  signal(signal: NodeJS.Signals): boolean {
    switch (this.#standing.name) {
      case 'waiting':
        this.#cancel({ kind: 'signaled', signal });
        return true;
      case 'asked':
        if (this.#standing.signal !== undefined) this.#options.onOverdue();
        this.#standing = { name: 'asked', signal };
        return true;
      case 'alive':
        return this.#root !== undefined && signalProcess(this.#root, signal) !== 'gone';
      case 'ended':
        return false;
    }
  }

  tree(): readonly TreeProcess[] {
    return this.#tree?.alive() ?? [];
  }

  signalTree(signal: NodeJS.Signals): number {
    return this.#tree?.signal(signal) ?? Number(this.signal(signal));
  }

  killTree(): number {
    if (this.#tree === undefined) return Number(this.signal('SIGKILL'));
    this.#expectReport();
    return this.#tree.kill();
  }

  /**
   * It has ended, or is about to. Only its parent can tell: a fork server that hangs, or is stopped (SIGSTOP), would
   * keep its dead workers for alive, and whoever waits for their end waiting for ever.
   */
  #expectReport(): void {
    if (this.#standing.name !== 'alive' || this.#report !== undefined) return;
    const { clock, onOverdue } = this.#options;
    this.#report = clock.at(clock.now() + reportMs, () => {
      this.#report = undefined;
      if (!this.#isRunning()) onOverdue();
    });
  }

  #isRunning(): boolean {
    const row = this.#root && readProcess(this.#root.pid);
    return row !== undefined && row.startTime === this.#root?.startTime && isAlive(row);
  }

  /** False when it had ended before. */
  #end(): boolean {
    if (this.#standing.name === 'ended') return false;
    this.#standing = { name: 'ended' };
    this.#report?.cancel();
    this.stdio.closeWorkerEnds();
    return true;
  }

  #cancel(exit: ExitStatus): void {
    this.#options.onCancelled();
    this.noteExited(exit);
  }
}
