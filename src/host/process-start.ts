import { readFileSync } from 'node:fs';
import { isAlive, readProcess } from './process-table.ts';

/** USER_HZ, the unit of times in /proc, is 100 on every architecture that Node runs on (time(7)). */
const ticksPerSecond = 100;

/** When a living process started, in milliseconds since 1970; `undefined` when there is none with this pid. */
export function processStart(pid: number): number | undefined {
  const row = readProcess(pid);
  if (row === undefined || !isAlive(row)) return undefined;
  return bootTimeMs() + (row.startTime / ticksPerSecond) * 1_000;
}

/** Field `btime` of proc_stat(5). */
function bootTimeMs(): number {
  const seconds = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
  return Number(seconds) * 1_000;
}
