import type { WorkerPlan } from '../plan/plan.ts';
import type { ExitStatus } from './exit-reason.ts';
import type { Scoreboard } from './scoreboard-file.ts';
import type { StdioEvents } from './worker-stdio.ts';

/** How a worker comes to life. */
export interface Launcher {
  /**
   * Starts one process on the listen socket. Returns at once; a process that could not be started
   * (no such program, no rights) is reported by `onSpawnFailed`, and then `onExit` is never called.
   */
  launch(request: LaunchRequest): WorkerProcess;
}

/** Launches workers of one generation from a process of its own, which may end before they do. */
export interface ForkingLauncher extends Launcher {
  /** Of the process that workers are forked from; `undefined` when there is none. */
  readonly serverPid: number | undefined;
  /** The process was able to launch workers and has ended unasked: the next one may have read other code. */
  readonly isLost: boolean;
  /** What that process has found doubtful in the application, such as threads that its workers do not have. */
  readonly warnings: readonly string[];
  /** Nothing will be launched any more. */
  end(): void;
}

/** The engine's messages, checked, and its tracebacks come only when the plan says that the worker is one of it. */
export interface LaunchRequest extends StdioEvents {
  readonly plan: WorkerPlan;
  /** Unique for the life of the daemon; marks the whole process tree. */
  readonly marker: string;
  /** The listen socket, handed over as fd 0. */
  readonly listenFd: number;
  readonly onSpawned: (pid: number) => void;
  readonly onSpawnFailed: (error: Error) => void;
  /** Comes before `onExit` of a process that was to be forked from another: the last lines of that, logged already. */
  readonly onLastWords: (lines: readonly string[]) => void;
  /**
   * The process itself has ended and its output was read: to the end, or for a moment when descendants keep the
   * pipes open. What those write is read on and may still come as lines after this.
   */
  readonly onExit: (exit: ExitStatus) => void;
}

export interface WorkerProcess {
  /** `undefined` until spawned, and when it could not be. */
  readonly pid: number | undefined;
  /** Where it shows what it does; to be closed by whoever launched it, when it has ended. */
  readonly scoreboard: Scoreboard | undefined;
  /** Sends a signal to the process alone. False: there is no such process any more. */
  signal(signal: NodeJS.Signals): boolean;
  /** Every process of the tree that is alive now: the worker and its descendants, adopted ones included. */
  tree(): readonly TreeProcess[];
  /** Sends a signal once to every process of the tree that is alive now. Number of processes hit. */
  signalTree(signal: NodeJS.Signals): number;
  /** SIGKILL to every process of the tree, again for those that appear meanwhile. Number of processes hit. */
  killTree(): number;
}

/** A process named so that a reused pid is not mistaken for it. */
export interface TreeProcess {
  readonly pid: number;
  /** Clock ticks after boot (proc_pid_stat(5), field 22). */
  readonly startTime: number;
}

export type EngineMessage =
  | { readonly event: 'ready' }
  | { readonly event: 'load-failed'; readonly message: string; readonly traceback: string }
  /** It has reached a limit, and goes on serving until another is ready in its place. */
  | { readonly event: 'worn'; readonly reason: string; readonly detail: string }
  /** A request has exceeded its time, and was interrupted, or will be left behind; "retiring" follows. */
  | { readonly event: 'timed-out'; readonly how: 'interrupted' | 'left' }
  /** It takes nothing new from now on, and leaves by itself when it has finished what it holds. */
  | { readonly event: 'retiring'; readonly reason: string; readonly detail: string };
