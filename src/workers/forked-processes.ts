import { RunfcgidError } from '../errors.ts';
import { onChildExit } from '../host/child-exits.ts';
import { readProcess } from '../host/process-table.ts';
import type { ExitStatus } from './exit-reason.ts';
import type { ForkedProcess } from './forked-process.ts';
import type { EngineMessage, TreeProcess } from './launcher.ts';
import { toExitStatus } from './wait-status.ts';

/** How a fork server ended. */
export interface ServerEnd {
  readonly exit: ExitStatus;
  /** Why it could not load the application, if it has said so. */
  readonly loadFailure: EngineMessage | undefined;
  /** The last lines that it wrote. */
  readonly lastWords: readonly string[];
}

/** The workers of one fork server by the number under which it knows them, from the wish for each to its end. */
export class ForkedProcesses {
  readonly #byId = new Map<number, ForkedProcess>();

  get isEmpty(): boolean {
    return this.#byId.size === 0;
  }

  get pids(): ReadonlySet<number> {
    return new Set([...this.#byId.values()].flatMap(({ pid }) => pid ?? []));
  }

  add(id: number, process: ForkedProcess): void {
    this.#byId.set(id, process);
  }

  get(id: number): ForkedProcess | undefined {
    return this.#byId.get(id);
  }

  withStanding(standing: ForkedProcess['standing']): readonly (readonly [number, ForkedProcess])[] {
    return [...this.#byId].filter(([, process]) => process.standing === standing);
  }

  /** It is not one of them any more. */
  take(id: number): ForkedProcess | undefined {
    const process = this.#byId.get(id);
    this.#byId.delete(id);
    return process;
  }

  fail(id: number, error: Error): void {
    this.#byId.get(id)?.noteSpawnFailed(error);
    this.#byId.delete(id);
  }

  failAll(error: Error): void {
    for (const id of [...this.#byId.keys()]) this.fail(id, error);
  }

  noteExited(pid: number, exit: ExitStatus): void {
    for (const [id, process] of this.#byId) {
      if (process.pid !== pid) continue;
      this.#byId.delete(id);
      process.noteExited(exit);
    }
  }

  /** The fork server has ended. `reason` in a sentence. */
  orphan(reason: string, end: ServerEnd): void {
    const error = new RunfcgidError('SPAWN_FAILED', `what it was to be forked from has ended: ${reason}`);
    for (const [id, process] of this.#byId) {
      if (process.root !== undefined) this.#adopt(process.root);
      else if (process.standing === 'waiting') this.#endUnborn(id, end);
      else this.fail(id, error);
    }
  }

  /** Its parent has ended, and it is a child of ours now: or has ended, and nobody can know how. */
  #adopt({ pid, startTime }: TreeProcess): void {
    if (readProcess(pid)?.startTime === startTime) {
      onChildExit(pid, (exit) => this.noteExited(pid, toExitStatus(exit)));
    } else {
      this.noteExited(pid, { kind: 'unknown' });
    }
  }

  /** It was to be forked from a process that did not get so far. */
  #endUnborn(id: number, { exit, loadFailure, lastWords }: ServerEnd): void {
    const process = this.take(id);
    if (loadFailure === undefined) process?.request.onLastWords(lastWords);
    else process?.request.onMessage(loadFailure);
    process?.noteExited(exit);
  }
}
