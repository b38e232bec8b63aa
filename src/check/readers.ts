import type { SocketAddress } from '../config/address.ts';
import type { Refusal } from '../host/file-trust.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { ListenerOwner } from '../sockets/listeners.ts';

/** What the dry run needs to know of the machine; tests bring a machine in memory. */
export interface CheckReaders {
  /** `undefined`: there is nothing, or we may not look. */
  readonly stat: (path: string) => FileFacts | undefined;
  /** Whether the daemon's own user has the right (access(2)). */
  readonly mayAccess: (path: string, right: AccessRight) => boolean;
  /** The beginning of a file, empty when it cannot be read. */
  readonly firstLine: (path: string) => string;
  /** @throws RunfcgidError SPAWN_FAILED with what is wrong with directory, program or interpreter. */
  readonly findProgram: (worker: WorkerPlan) => string;
  /** Runs a command in the directory and environment of the worker and as its user. */
  readonly runAs: (
    worker: WorkerPlan,
    argv: readonly [string, ...string[]],
    timeoutMs: number,
  ) => Promise<RunResult>;
  readonly whoListens: (address: SocketAddress) => readonly ListenerOwner[];
  readonly describeOwners: (owners: readonly ListenerOwner[]) => string;
  /** Why the port cannot be listened on, in the system's words. */
  readonly bindProblem: (host: string, port: number) => Promise<string | undefined>;
  /** Pid in a pidfile, if that process lives. */
  readonly livingPid: (pidfile: string) => number | undefined;
  /** Why the daemon would not write to a log. */
  readonly refusalOfLog: (path: string) => Refusal | undefined;
  /** Why the daemon would not use a directory for its own files. */
  readonly refusalOfRuntimeDir: (path: string) => Refusal | undefined;
  /** Why the daemon would make no socket in a directory. */
  readonly refusalOfDirectory: (path: string) => Refusal | undefined;
}

export type AccessRight = 'read' | 'write' | 'execute';

export interface FileFacts {
  readonly kind: 'directory' | 'file' | 'socket' | 'other';
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface RunResult {
  readonly outcome: 'exited' | 'timed-out' | 'not-started';
  /** `undefined`: a signal has ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}
