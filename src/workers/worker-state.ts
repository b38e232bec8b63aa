import { whenKilling, whenRetiring, whenStopping, whenStuck } from './worker-endings.ts';
import {
  age,
  backOff,
  fallDue,
  type In,
  kill,
  leave,
  retire,
  serve,
  signalStop,
  spawn,
  stay,
  to,
  wearOut,
} from './worker-moves.ts';
import type { Context, Transition, WorkerEvent, WorkerState } from './worker-vocabulary.ts';

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
 * A process that has reached a limit (its age, its memory, its requests) is `worn`: it serves as before, until the pool
 * has another ready in its place and lets it retire. One that finds no moment to retire is `stuck`: it serves on while
 * another generation takes its address over.
 *
 * A death is early when the process was not ready, or not for `minimumUptimeMs`. Early deaths in a row are counted
 * (`attempt`) and delay the next start; a process that dies after a good while is replaced at once. What an early
 * death means for the pool as a whole is decided in pools/restart-intensity.ts.
 *
 * A process that was ready and died with a request in hand did not fail to start, however soon it was: what crashed it
 * is a page, and a page that is asked for again and again must not take the others away. Its death is none of the early
 * ones. It is replaced at once, which a visitor has to ask for each time; where the start loads the application, the
 * next one waits as after a first early death, and never longer.
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
    case 'worn':
      return whenWorn(state, event, context);
    case 'retiring':
      return whenRetiring(state, event, context);
    case 'stuck':
      return whenStuck(state, event, context);
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

function whenStopped(state: In<'stopped'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'start':
      return spawn(0, context);
    case 'give-up':
      return to({ name: 'failed' });
    case 'spawn-failed':
    case 'worn':
    case 'leaves':
    case 'age-changed':
    case 'became-ready':
    case 'not-proven':
    case 'retire':
    case 'stop':
    case 'kill':
    case 'exited':
    case 'deadline':
      return stay(state);
  }
}

function whenStarting(state: In<'starting'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'became-ready':
      return serve(state, context);
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
    case 'worn':
      return to({ ...state, wear: state.wear ?? event.wear });
    case 'start':
    case 'leaves':
    case 'age-changed':
    case 'give-up':
      return stay(state);
  }
}

function whenReady(state: In<'ready'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'exited':
      return die(state, event, context);
    case 'worn':
      return wearOut(state, event.wear, context);
    case 'leaves':
      return leave({ wanted: 'stop', cause: 'asked', attempt: 0, wear: event.wear }, context);
    case 'age-changed':
      return age(state, context);
    case 'deadline':
      return fallDue(state, context);
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
    case 'give-up':
      return stay(state);
  }
}

function whenWorn(state: In<'worn'>, event: WorkerEvent, context: Context): Transition {
  const end = { wanted: 'stop', cause: 'asked', attempt: 0, wear: state.wear } as const;
  switch (event.type) {
    case 'exited':
      return die(state, event, context);
    case 'leaves':
      return leave({ ...end, wear: event.wear }, context);
    case 'retire':
      return retire(end, context);
    case 'stop':
      return signalStop(end, context);
    case 'kill':
      return kill(end, context);
    case 'start':
    case 'spawn-failed':
    case 'became-ready':
    case 'not-proven':
    case 'worn':
    case 'age-changed':
    case 'deadline':
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
    case 'worn':
    case 'leaves':
    case 'age-changed':
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
    case 'worn':
    case 'leaves':
    case 'age-changed':
    case 'spawn-failed':
    case 'became-ready':
    case 'not-proven':
    case 'exited':
    case 'deadline':
    case 'give-up':
      return stay(state);
  }
}

/** By way of `backoff` in any case, where a pool whose code has changed since can still hold the place empty. */
function die(
  state: In<'ready'> | In<'worn'>,
  { isExpected, hadRequest }: Extract<WorkerEvent, { type: 'exited' }>,
  context: Context,
): Transition {
  if (isExpected) return to({ name: 'backoff', attempt: 0, deadlineMs: context.nowMs });
  if (context.nowMs - state.readyAtMs >= context.policy.minimumUptimeMs) return backOff(0, false, context);
  if (hadRequest) return backOff(context.policy.isStartCostly ? 1 : 0, false, context);
  return backOff(state.attempt + 1, true, context);
}
