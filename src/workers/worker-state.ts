import type {
  Context,
  End,
  Transition,
  WorkerEffect,
  WorkerEvent,
  WorkerState,
} from './worker-vocabulary.ts';

/** SIGKILL is repeated at this interval: a process in an uninterruptible wait, or a tree that still forks. */
export const killIntervalMs = 1_000;

/**
 * The life of a worker.
 *
 * A worker is a place in a pool that a process may fill: it outlives the processes that come and go in it.
 * It is in exactly one state; a state holds the data that is legal in it and nothing else. The shell (worker.ts)
 * turns what happens into events, puts them through `transition`, performs the effects in order, and keeps one
 * timer on the deadline of the new state.
 *
 * The wanted outcome of an end (`respawn` or `stop`) is kept apart from the state, and why the end began is set
 * once, at its beginning. `exited` means that the whole process tree is gone, except after a sudden death, where
 * what is left of the tree is cleared away beside the next life.
 *
 * A death is early when the process was not ready, or not for `minimumUptimeMs`. Early deaths in a row are counted
 * (`attempt`) and delay the next start; a process that dies after a good while is replaced at once. What an early
 * death means for the pool as a whole is decided in pools/restart-intensity.ts.
 *
 * The only way from one state to the next. Pure.
 */
export function transition(state: WorkerState, event: WorkerEvent, context: Context): Transition {
  switch (state.name) {
    case 'stopped':
      return whenStopped(state, event, context);
    case 'starting':
      return whenStarting(state, event, context);
    case 'ready':
      return whenReady(state, event, context);
    case 'retiring':
      return whenRetiring(state, event, context);
    case 'stopping':
      return whenStopping(state, event, context);
    case 'killing':
      return whenKilling(state, event, context);
    case 'backoff':
      return whenBackoff(state, event, context);
    case 'failed':
      return whenFailed(state, event, context);
  }
}

type In<Name extends WorkerState['name']> = Extract<WorkerState, { name: Name }>;

function whenStopped(state: In<'stopped'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'start':
      return spawn(0, context);
    case 'spawn-failed':
    case 'became-ready':
    case 'not-proven':
    case 'retire':
    case 'stop':
    case 'kill':
    case 'exited':
    case 'deadline':
    case 'give-up':
      return stay(state);
  }
}

function whenStarting(state: In<'starting'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'became-ready':
      return to({ name: 'ready', attempt: state.attempt, readyAtMs: context.nowMs });
    case 'spawn-failed':
    case 'exited':
      return backOff(state.attempt + 1, true, context);
    case 'not-proven':
    case 'deadline': {
      const cause = event.type === 'deadline' ? 'boot-timeout' : 'not-proven';
      return kill({ wanted: 'respawn', cause, attempt: state.attempt }, context);
    }
    case 'retire':
      return retire({ wanted: 'stop', cause: 'asked', attempt: state.attempt }, context);
    case 'stop':
      return signalStop({ wanted: 'stop', cause: 'asked', attempt: state.attempt }, context);
    case 'kill':
      return kill({ wanted: 'stop', cause: 'asked', attempt: state.attempt }, context);
    case 'start':
    case 'give-up':
      return stay(state);
  }
}

function whenReady(state: In<'ready'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'exited': {
      const isEarly = !event.isExpected && context.nowMs - state.readyAtMs < context.policy.minimumUptimeMs;
      // By way of `backoff`, where a pool whose code has changed since can still hold the place empty.
      if (event.isExpected) return to({ name: 'backoff', attempt: 0, deadlineMs: context.nowMs });
      return backOff(isEarly ? state.attempt + 1 : 0, isEarly, context);
    }
    case 'retire':
      return retire({ wanted: 'stop', cause: 'asked', attempt: 0 }, context);
    case 'stop':
      return signalStop({ wanted: 'stop', cause: 'asked', attempt: 0 }, context);
    case 'kill':
      return kill({ wanted: 'stop', cause: 'asked', attempt: 0 }, context);
    case 'start':
    case 'spawn-failed':
    case 'became-ready':
    case 'not-proven':
    case 'deadline':
    case 'give-up':
      return stay(state);
  }
}

function whenRetiring(state: In<'retiring'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'exited':
    case 'spawn-failed':
      return ended(state.end, context);
    case 'deadline':
    case 'stop':
      return signalStop({ ...state.end, wanted: 'stop' }, context);
    case 'kill':
      return kill({ ...state.end, wanted: 'stop' }, context);
    case 'start':
      return to({ ...state, end: { ...state.end, wanted: 'respawn' } });
    case 'retire':
    case 'became-ready':
    case 'not-proven':
    case 'give-up':
      return stay(state);
  }
}

function whenStopping(state: In<'stopping'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'exited':
    case 'spawn-failed':
      return ended(state.end, context);
    case 'deadline':
      return kill(state.end, context);
    case 'kill':
      return kill({ ...state.end, wanted: 'stop' }, context);
    case 'start':
      return to({ ...state, end: { ...state.end, wanted: 'respawn' } });
    case 'retire':
    case 'stop':
      return to({ ...state, end: { ...state.end, wanted: 'stop' } });
    case 'became-ready':
    case 'not-proven':
    case 'give-up':
      return stay(state);
  }
}

function whenKilling(state: In<'killing'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'exited':
    case 'spawn-failed':
      return ended(state.end, context);
    case 'deadline':
      return kill(state.end, context);
    case 'kill':
    case 'retire':
    case 'stop':
      return to({ ...state, end: { ...state.end, wanted: 'stop' } });
    case 'start':
      return to({ ...state, end: { ...state.end, wanted: 'respawn' } });
    case 'became-ready':
    case 'not-proven':
    case 'give-up':
      return stay(state);
  }
}

function whenBackoff(state: In<'backoff'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'deadline':
    case 'start':
      return spawn(state.attempt, context);
    case 'retire':
    case 'stop':
    case 'kill':
      return to({ name: 'stopped' });
    case 'give-up':
      return to({ name: 'failed' });
    case 'spawn-failed':
    case 'became-ready':
    case 'not-proven':
    case 'exited':
      return stay(state);
  }
}

function whenFailed(state: In<'failed'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'start':
      return spawn(0, context);
    case 'retire':
    case 'stop':
    case 'kill':
      return to({ name: 'stopped' });
    case 'spawn-failed':
    case 'became-ready':
    case 'not-proven':
    case 'exited':
    case 'deadline':
    case 'give-up':
      return stay(state);
  }
}

function stay(state: WorkerState): Transition {
  return { state, effects: [] };
}

function to(state: WorkerState, ...effects: WorkerEffect[]): Transition {
  return { state, effects };
}

function spawn(attempt: number, { nowMs, policy }: Context): Transition {
  return to({ name: 'starting', attempt, deadlineMs: nowMs + policy.bootTimeoutMs }, { do: 'spawn' });
}

function retire(end: End, { nowMs, policy }: Context): Transition {
  return to({ name: 'retiring', end, deadlineMs: nowMs + policy.gracefulTimeoutMs }, { do: 'retire' });
}

function signalStop(end: End, { nowMs, policy }: Context): Transition {
  return to({ name: 'stopping', end, deadlineMs: nowMs + policy.gracefulTimeoutMs }, { do: 'signal-stop' });
}

function kill(end: End, { nowMs }: Context): Transition {
  return to({ name: 'killing', end, deadlineMs: nowMs + killIntervalMs }, { do: 'kill-tree' });
}

function backOff(attempt: number, isEarly: boolean, { nowMs, policy }: Context): Transition {
  const deadlineMs = nowMs + policy.backoffDelay(attempt);
  return to({ name: 'backoff', attempt, deadlineMs }, { do: 'report-death', isEarly });
}

function ended(end: End, context: Context): Transition {
  if (end.wanted === 'stop') return to({ name: 'stopped' });
  return end.cause === 'asked' ? spawn(0, context) : backOff(end.attempt + 1, true, context);
}
