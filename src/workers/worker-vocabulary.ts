/** Where a worker may be in its life; worker-state.ts tells how it gets from one to the other. */
export type WorkerState =
  | { readonly name: 'stopped' }
  /** `wear`: it has said already that it has reached a limit. */
  | {
      readonly name: 'starting';
      readonly attempt: number;
      readonly deadlineMs: number;
      readonly wear: Wear | undefined;
    }
  /** Its deadline is that of its age, or of a `wear` that comes too early. */
  | {
      readonly name: 'ready';
      readonly attempt: number;
      readonly readyAtMs: number;
      readonly deadlineMs: number | undefined;
      readonly wear: Wear | undefined;
    }
  | { readonly name: 'worn'; readonly attempt: number; readonly readyAtMs: number; readonly wear: Wear }
  | { readonly name: 'retiring'; readonly end: End; readonly deadlineMs: number }
  | { readonly name: 'stuck'; readonly end: End; readonly deadlineMs: number }
  /** `timeoutMs`: from the stop signal to its deadline. */
  | {
      readonly name: 'stopping';
      readonly end: End;
      readonly deadlineMs: number;
      readonly timeoutMs: number;
    }
  | { readonly name: 'killing'; readonly end: End; readonly deadlineMs: number }
  | { readonly name: 'backoff'; readonly attempt: number; readonly deadlineMs: number }
  | { readonly name: 'failed' };

/** An end that has begun. */
export interface End {
  readonly wanted: 'respawn' | 'stop';
  readonly cause: EndCause;
  readonly attempt: number;
  /** The limit that it had reached, where that is why it ends. */
  readonly wear?: Wear;
}

/** A limit that a process has reached: another is wanted in its place. */
export interface Wear {
  /** `max_age`, `max_memory`, `max_requests` and the like. */
  readonly reason: string;
  /** For people: "1000 requests". */
  readonly detail: string;
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
  /** It has reached a limit, and serves until another is ready in its place. */
  | { readonly type: 'worn'; readonly wear: Wear }
  /** It has reached a limit, takes nothing new any more, and ends by itself. */
  | { readonly type: 'leaves'; readonly wear: Wear }
  /** The age that it may reach is another now. */
  | { readonly type: 'age-changed' }
  /** Leave a socket that others go on serving: end at a moment without a connection, then stay away. */
  | { readonly type: 'retire' }
  /** Finish what is in hand, then stay away. */
  | { readonly type: 'stop' }
  /** End now, then stay away. */
  | { readonly type: 'kill' }
  /**
   * The process has ended. `isExpected`: with a status that is part of the program's normal life. `hadRequest`: it is
   * known to have had a visitor's request in hand.
   */
  | { readonly type: 'exited'; readonly isExpected: boolean; readonly hadRequest: boolean }
  /** The deadline of the state has passed. */
  | { readonly type: 'deadline' }
  /** The pool gave up for now. */
  | { readonly type: 'give-up' };

export type WorkerEffect =
  | { readonly do: 'spawn' }
  /** Begin to look for a moment in which the process holds no connection, and end it then. */
  | { readonly do: 'retire' }
  /** Tell the pool that there is no such moment: somebody else has to take the address over. */
  | { readonly do: 'ask-relief' }
  | { readonly do: 'signal-stop' }
  | { readonly do: 'kill-tree' }
  /** Tell the pool that the worker died without having been asked to. */
  | { readonly do: 'report-death'; readonly isEarly: boolean };

export interface WorkerPolicy {
  readonly bootTimeoutMs: number;
  /** How long a process may look for a moment to leave at. */
  readonly retireTimeoutMs: number;
  /** From the stop signal to SIGKILL. */
  readonly gracefulTimeoutMs: number;
  /** A process that was ready for less died early. */
  readonly minimumUptimeMs: number;
  /** How long a process may be ready before it is worn; `undefined`: for ever. */
  readonly lifespanMs: () => number | undefined;
  /**
   * How long a process that found no moment to leave may go on looking while another generation takes its address
   * over; `undefined` where none can.
   */
  readonly reliefMs: () => number | undefined;
  /** A start loads the application: where each request ends a worker, the machine is to have time for more than that. */
  readonly isStartCostly: boolean;
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

/** The place may be filled at once. */
export function isRespawnDue(state: WorkerState, nowMs: number): boolean {
  return state.name === 'backoff' && state.deadlineMs <= nowMs;
}

/** It looks for a moment to end at, or ends by itself. */
export function isLeaving(state: WorkerState): boolean {
  return state.name === 'retiring' || state.name === 'stuck';
}

/** True while a process exists or may exist. */
export function hasProcess(state: WorkerState): boolean {
  return (
    state.name === 'starting' ||
    state.name === 'ready' ||
    state.name === 'worn' ||
    state.name === 'retiring' ||
    state.name === 'stuck' ||
    state.name === 'stopping' ||
    state.name === 'killing'
  );
}
