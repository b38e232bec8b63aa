import type { LifecyclePlan } from '../plan/plan.ts';
import type { Ending } from './exit-reason.ts';
import type { Life } from './life.ts';
import type { ShownRequest } from './scoreboard.ts';
import type { Death } from './worker-contract.ts';
import type { WorkerState } from './worker-vocabulary.ts';

/* What is said of the end of a process. Pure. */

/** What a SIGKILL was sent for. */
export function endingOf(previous: WorkerState, state: WorkerState, lifecycle: LifecyclePlan): Ending {
  const isTimeUp = state.name === 'killing' && state.end.cause === 'boot-timeout';
  if (isTimeUp) return { by: 'boot-timeout', timeoutMs: lifecycle.bootTimeoutMs };
  if (previous.name !== 'stopping') return { by: 'kill' };
  return { by: 'graceful-timeout', signal: lifecycle.stopSignal, timeoutMs: previous.timeoutMs };
}

/** @param previous the state in which it ended. */
export function deathOf(
  life: Life,
  previous: WorkerState,
  { expectedExits }: LifecyclePlan,
): Pick<Death, 'pid' | 'cause' | 'reason' | 'output'> {
  const wasReady = previous.name === 'ready' || previous.name === 'worn';
  const reason = life.explain({ wasReady, expectedExits });
  return { pid: life.pid, cause: causeOf(life, previous), reason, output: life.lastWords };
}

function causeOf(life: Life, previous: WorkerState): Death['cause'] {
  if (life.couldNotStart) return 'not-started';
  return 'end' in previous && previous.end.cause !== 'asked' ? previous.end.cause : 'died';
}

/** Requests that it had in hand at its end. A process that never served has nobody's but that of its proof. */
export function requestsCutBy(life: Pick<Life, 'cutRequests'>, state: WorkerState): readonly ShownRequest[] {
  const isUnproven = state.name === 'starting' || ('end' in state && state.end.cause !== 'asked');
  return isUnproven ? [] : life.cutRequests;
}
