import { ended, getStuck, type In, kill, signalStop, stay, to } from './worker-moves.ts';
import type { Context, Transition, WorkerEvent } from './worker-vocabulary.ts';

/* The part of a worker's life (worker-state.ts) in which a process is on its way out. Pure. */

export function whenRetiring(state: In<'retiring'>, event: WorkerEvent, context: Context): Transition {
  switch (event.type) {
    case 'exited':
    case 'spawn-failed':
      return ended(state.end, context);
    case 'deadline':
      return getStuck(state.end, context);
    case 'stop':
      return signalStop({ ...state.end, wanted: 'stop' }, context);
    case 'kill':
      return kill({ ...state.end, wanted: 'stop' }, context);
    case 'start':
      return to({ ...state, end: { ...state.end, wanted: 'respawn' } });
    case 'retire':
    case 'became-ready':
    case 'not-proven':
    case 'worn':
    case 'leaves':
    case 'age-changed':
    case 'give-up':
      return stay(state);
  }
}

export function whenStuck(state: In<'stuck'>, event: WorkerEvent, context: Context): Transition {
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
    case 'worn':
    case 'leaves':
    case 'age-changed':
    case 'give-up':
      return stay(state);
  }
}

export function whenStopping(state: In<'stopping'>, event: WorkerEvent, context: Context): Transition {
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
    case 'worn':
    case 'leaves':
    case 'age-changed':
    case 'became-ready':
    case 'not-proven':
    case 'give-up':
      return stay(state);
  }
}

export function whenKilling(state: In<'killing'>, event: WorkerEvent, context: Context): Transition {
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
    case 'worn':
    case 'leaves':
    case 'age-changed':
    case 'became-ready':
    case 'not-proven':
    case 'give-up':
      return stay(state);
  }
}
