import type { Log } from '../host/log.ts';
import type { WorkerState } from './worker-vocabulary.ts';

/** What the log tells of the states of one worker. */
export function logState(
  log: Log,
  previous: WorkerState,
  state: WorkerState,
  { pid, uptimeMs }: { readonly pid: number | undefined; readonly uptimeMs: number | undefined },
): void {
  const event = `worker.${state.name}`;
  switch (state.name) {
    case 'ready':
      log.info({ event, pid, afterMs: Math.round(uptimeMs ?? 0) }, 'worker is ready');
      break;
    case 'worn': {
      const { reason, detail } = state.wear;
      log.info({ event, pid, reason }, `worker has reached its ${reason} (${detail}) and is to be replaced`);
      break;
    }
    case 'stuck':
      log.info({ event, pid }, 'worker finds no moment to leave at: another generation shall take over');
      break;
    default:
      log.debug({ event, pid }, `worker was ${previous.name}, is ${state.name}`);
  }
}
