/** Where a worker may be in its life; worker-state.ts tells how it gets from one to the other. */
export type WorkerState =
  | { readonly name: 'stopped' }
  | { readonly name: 'starting'; readonly attempt: number; readonly deadlineMs: number }
  | { readonly name: 'ready'; readonly attempt: number; readonly readyAtMs: number }
  | { readonly name: 'retiring'; readonly end: End; readonly deadlineMs: number }
  | { readonly name: 'stopping'; readonly end: End; readonly deadlineMs: number }
  | { readonly name: 'killing'; readonly end: End; readonly deadlineMs: number }
  | { readonly name: 'backoff'; readonly attempt: number; readonly deadlineMs: number }
  | { readonly name: 'failed' };

/** An end that has begun. */
export interface End {
  readonly wanted: 'respawn' | 'stop';
  readonly cause: EndCause;
  readonly attempt: number;
}

/** `asked`: by the operator or the pool. `not-proven`: it gave a wrong answer to its proof, or none. */
export type EndCause = 'asked' | 'boot-timeout' | 'not-proven';

export type WorkerEvent =
  /** A process is wanted. */
  | { readonly type: 'start' }
  /** The process could not be started. */
  | { readonly type: 'spawn-failed' }
  | { readonly type: 'became-ready' }
  /** It does not show what it must to become ready. */
  | { readonly type: 'not-proven' }
  /** Leave a socket that others go on serving: end at a moment without a connection, then stay away. */
  | { readonly type: 'retire' }
  /** Finish what is in hand, then stay away. */
  | { readonly type: 'stop' }
  /** End now, then stay away. */
  | { readonly type: 'kill' }
  /** The process has ended; `isExpected`: with a status that is part of the program's normal life. */
  | { readonly type: 'exited'; readonly isExpected: boolean }
  /** The deadline of the state has passed. */
  | { readonly type: 'deadline' }
  /** The pool gave up for now. */
  | { readonly type: 'give-up' };

export type WorkerEffect =
  | { readonly do: 'spawn' }
  /** Begin to look for a moment in which the process holds no connection, and end it then. */
  | { readonly do: 'retire' }
  | { readonly do: 'signal-stop' }
  | { readonly do: 'kill-tree' }
  /** Tell the pool that the worker died without having been asked to. */
  | { readonly do: 'report-death'; readonly isEarly: boolean };

export interface WorkerPolicy {
  readonly bootTimeoutMs: number;
  readonly gracefulTimeoutMs: number;
  /** A process that was ready for less died early. */
  readonly minimumUptimeMs: number;
  /** Milliseconds before the start that follows `attempt` early deaths in a row. */
  readonly backoffDelay: (attempt: number) => number;
}

export interface Context {
  readonly nowMs: number;
  readonly policy: WorkerPolicy;
}

export interface Transition {
  readonly state: WorkerState;
  readonly effects: readonly WorkerEffect[];
}

/** The moment at which the state wants a `deadline` event, or `undefined`. */
export function deadlineOf(state: WorkerState): number | undefined {
  return 'deadlineMs' in state ? state.deadlineMs : undefined;
}

/** True while a process exists or may exist. */
export function hasProcess(state: WorkerState): boolean {
  return (
    state.name === 'starting' ||
    state.name === 'ready' ||
    state.name === 'retiring' ||
    state.name === 'stopping' ||
    state.name === 'killing'
  );
}
