import { constants } from 'node:os';
import type { WaitStatus } from '../host/kernel/processes.ts';
import type { ExitStatus } from './exit-reason.ts';

/** How a process ended, with the name of the signal (signal(7)); `undefined` for a number that names none. */
export function toExitStatus(wait: WaitStatus): ExitStatus | undefined {
  if (wait.kind === 'exited') return { kind: 'exited', code: wait.status };
  const name = Object.entries(constants.signals).find(([, number]) => number === wait.signal)?.[0];
  return name === undefined ? undefined : { kind: 'signaled', signal: name as NodeJS.Signals };
}
