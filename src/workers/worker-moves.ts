import { formatElapsed } from '../status/quantities.ts';
import type { Context, End, Transition, Wear, WorkerEffect, WorkerState } from './worker-vocabulary.ts';

/* The moves from one state to another: what is done on the way, and when the new state falls due. Pure. */

/** SIGKILL is repeated at this interval: a process in an uninterruptible wait, or a tree that still forks. */
export const killIntervalMs = 1_000;

/**
 * A process that is over its limit of memory from the beginning would be replaced for ever by others like it: none is
 * worn for its memory before it has been ready for so long.
 */
const shortestMemoryLifeMs = 10_000;

export type In<Name extends WorkerState['name']> = Extract<WorkerState, { name: Name }>;

export function stay(state: WorkerState): Transition {
  return { state, effects: [] };
}

export function to(state: WorkerState, ...effects: WorkerEffect[]): Transition {
  return { state, effects };
}

export function spawn(attempt: number, { nowMs, policy }: Context): Transition {
  const deadlineMs = nowMs + policy.bootTimeoutMs;
  return to({ name: 'starting', attempt, deadlineMs, wear: undefined }, { do: 'spawn' });
}

export function serve({ attempt, wear }: In<'starting'>, context: Context): Transition {
  const readyAtMs = context.nowMs;
  const deadlineMs = ageDeadline(readyAtMs, context);
  const ready = { name: 'ready', attempt, readyAtMs, deadlineMs, wear: undefined } as const;
  return wear === undefined ? to(ready) : wearOut(ready, wear, context);
}

/** The age that it may reach is counted from when it became ready. */
export function age(state: In<'ready'>, context: Context): Transition {
  if (state.wear !== undefined) return stay(state);
  return to({ ...state, deadlineMs: ageDeadline(state.readyAtMs, context) });
}

export function wearOut(state: In<'ready'>, wear: Wear, { nowMs }: Context): Transition {
  const earliestMs = wear.reason === 'max_memory' ? state.readyAtMs + shortestMemoryLifeMs : nowMs;
  if (nowMs < earliestMs) return to({ ...state, deadlineMs: earliestMs, wear });
  return to({ name: 'worn', attempt: state.attempt, readyAtMs: state.readyAtMs, wear });
}

/** Its time is up. */
export function fallDue(state: In<'ready'>, context: Context): Transition {
  if (state.deadlineMs === undefined) return stay(state);
  const detail = `ready for ${formatElapsed(context.nowMs - state.readyAtMs)}`;
  return wearOut(state, state.wear ?? { reason: 'max_age', detail }, context);
}

export function retire(end: End, { nowMs, policy }: Context): Transition {
  return to({ name: 'retiring', end, deadlineMs: nowMs + policy.retireTimeoutMs }, { do: 'retire' });
}

/** It is on its way out by itself. */
export function leave(end: End, { nowMs, policy }: Context): Transition {
  return to({ name: 'retiring', end, deadlineMs: nowMs + policy.retireTimeoutMs });
}

/** There was no moment without a connection. */
export function getStuck(end: End, context: Context): Transition {
  const reliefMs = context.policy.reliefMs();
  if (reliefMs === undefined) return signalStop(end, context);
  return to({ name: 'stuck', end, deadlineMs: context.nowMs + reliefMs }, { do: 'ask-relief' });
}

export function signalStop(end: End, { nowMs, policy }: Context): Transition {
  const timeoutMs = policy.gracefulTimeoutMs;
  return to({ name: 'stopping', end, deadlineMs: nowMs + timeoutMs, timeoutMs }, { do: 'signal-stop' });
}

export function kill(end: End, { nowMs }: Context): Transition {
  return to({ name: 'killing', end, deadlineMs: nowMs + killIntervalMs }, { do: 'kill-tree' });
}

export function backOff(attempt: number, isEarly: boolean, { nowMs, policy }: Context): Transition {
  const deadlineMs = nowMs + policy.backoffDelay(attempt);
  return to({ name: 'backoff', attempt, deadlineMs }, { do: 'report-death', isEarly });
}

export function ended(end: End, context: Context): Transition {
  if (end.wanted === 'stop') return to({ name: 'stopped' });
  return end.cause === 'asked' ? spawn(0, context) : backOff(end.attempt + 1, true, context);
}

function ageDeadline(readyAtMs: number, { policy }: Context): number | undefined {
  const lifespanMs = policy.lifespanMs();
  return lifespanMs === undefined ? undefined : readyAtMs + lifespanMs;
}
