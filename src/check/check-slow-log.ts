import { dirname } from 'node:path';
import type { PoolPlan } from '../plan/plan.ts';
import type { PoolFinding } from './finding.ts';
import type { CheckReaders } from './readers.ts';

/** It is opened when there is first something to write, perhaps months from now. */
export function checkSlowLog({ requests }: PoolPlan, readers: CheckReaders): readonly PoolFinding[] {
  const { slowLog } = requests;
  if (slowLog === undefined) return [];
  const directory = dirname(slowLog);
  const hint = `Make ${directory} for the user of the daemon, or choose another place; until then the daemon's log gets it.`;
  const warning = { severity: 'warning', key: 'slow_log', hint } as const;
  if (readers.stat(directory)?.kind !== 'directory') {
    return [{ ...warning, message: `there is no directory ${directory}` }];
  }
  if (!readers.mayAccess(directory, 'write')) {
    return [{ ...warning, message: `${directory} is not writable for this user` }];
  }
  const refusal = readers.refusalOfLog(slowLog);
  if (refusal === undefined) return [];
  return [{ ...warning, message: `the log file ${slowLog}: ${refusal.message}`, hint: refusal.hint }];
}
