import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../src/host/clock.ts';
import { closeDescriptor, openStreamSocket } from '../../../src/host/kernel/sockets.ts';
import { readProcess } from '../../../src/host/process-table.ts';
import type { WorkerPlan } from '../../../src/plan/plan.ts';
import { ExecLauncher } from '../../../src/workers/exec-launcher.ts';
import type { ExitStatus } from '../../../src/workers/exit-reason.ts';
import type { EngineMessage, Launcher, TreeProcess, WorkerProcess } from '../../../src/workers/launcher.ts';
import type { ShownSlot } from '../../../src/workers/scoreboard.ts';

export const fixtures = join(import.meta.dirname, '../../fixtures');

/** A plan that runs a fixture, or any program given by its path. */
export function planOf(argv: readonly [string, ...string[]], changes: Partial<WorkerPlan> = {}): WorkerPlan {
  const [name, ...args] = argv;
  return {
    argv: [name.includes('/') ? name : join(fixtures, name), ...args],
    directory: '/',
    environment: { PATH: '/usr/bin:/bin' },
    identity: undefined,
    umask: 0o22,
    engine: undefined,
    ...changes,
  };
}

/** A worker started by the real launcher, and everything it was heard to say. */
export class LaunchedWorker {
  readonly lines: string[] = [];
  readonly messages: EngineMessage[] = [];
  readonly calls: string[] = [];
  readonly traces: string[] = [];
  readonly lastWords: string[] = [];
  lastSlots: readonly ShownSlot[] | undefined;
  readonly marker: string;
  readonly process: WorkerProcess;
  exit: ExitStatus | undefined;
  spawnError: Error | undefined;
  static readonly #all: LaunchedWorker[] = [];
  readonly #listenFd: number;
  readonly #isListenerShared: boolean;
  readonly #met = new Map<number, TreeProcess>();

  constructor(
    plan: WorkerPlan,
    launcher: Launcher = new ExecLauncher(systemClock),
    listenFd = openStreamSocket('unix', 'blocking'),
    { isListenerShared = false } = {},
  ) {
    this.#listenFd = listenFd;
    this.#isListenerShared = isListenerShared;
    LaunchedWorker.#all.push(this);
    this.marker = `test/1:${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`;
    this.process = launcher.launch({
      plan,
      marker: this.marker,
      listenFd: this.#listenFd,
      onSpawned: () => this.calls.push('spawned'),
      onSpawnFailed: (error) => {
        this.calls.push('spawn-failed');
        this.spawnError = error;
      },
      onLastWords: (lines) => this.lastWords.push(...lines),
      onLine: (_, line) => this.lines.push(line),
      onMessage: (message) => this.messages.push(message),
      onTrace: (line) => this.traces.push(line),
      onExit: (exit) => {
        this.lastSlots = this.process.scoreboard?.slots(60_000);
        this.process.scoreboard?.close();
        this.calls.push('exit');
        this.exit = exit;
      },
    });
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error(`not spawned: ${this.spawnError?.message}`);
    return this.process.pid;
  }

  /** Every process seen in the tree so far stays under watch until the end of the test. */
  tree(): readonly TreeProcess[] {
    const tree = this.process.tree();
    for (const each of tree) this.#met.set(each.pid, each);
    return tree;
  }

  /** The pid that the worker printed after `word`. */
  async printedPid(word: string): Promise<number> {
    const pattern = new RegExp(`^${word} (\\d+)$`);
    const find = (): string | undefined => this.lines.map((line) => pattern.exec(line)?.[1]).find(Boolean);
    await until(() => find() !== undefined, `"${word} PID"`);
    return Number(find());
  }

  /** Resolves when it has said that it is ready, through the channel of the engine. */
  async ready(): Promise<void> {
    await until(
      () => {
        if (this.spawnError !== undefined) throw this.spawnError;
        return this.messages.some(({ event }) => event === 'ready');
      },
      'a ready worker',
      60_000,
    );
  }

  async ended(): Promise<ExitStatus> {
    await until(() => this.exit !== undefined, 'the exit');
    return this.exit as ExitStatus;
  }

  /** Ends everything that the test started; fails if something survives. */
  static async cleanUp(): Promise<void> {
    for (const worker of LaunchedWorker.#all.splice(0)) {
      worker.tree();
      worker.process.killTree();
      if (!worker.#isListenerShared) closeDescriptor(worker.#listenFd);
      for (const each of worker.#met.values()) await until(() => !isThere(each), `the end of ${each.pid}`);
      if (worker.process.pid !== undefined) await worker.ended();
      await until(() => worker.process.tree().length === 0, 'the end of its tree');
    }
  }
}

/** What the process is called (proc_pid_comm(5)); `undefined` when there is none. */
export function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** False once the process has ended, reaped or not. */
export function isThere({ pid, startTime }: TreeProcess): boolean {
  const row = readProcess(pid);
  return row !== undefined && row.startTime === startTime && row.state !== 'Z';
}

/** The deadline is for what hangs alone: a busy machine may stop any process for seconds. */
export async function until(condition: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
  const deadlineMs = systemClock.now() + timeoutMs;
  while (!condition()) {
    if (systemClock.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await systemClock.sleep(5);
  }
}
