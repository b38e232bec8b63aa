import { formatBytes, formatElapsed, formatPercent, sumOfKnown } from './quantities.ts';
import type { PoolSnapshot, PoolState } from './snapshot.ts';
import { type Column, formatTable, known, type TableOptions } from './table.ts';

const stateColour: Readonly<Record<PoolState, number>> = {
  running: 32,
  starting: 33,
  degraded: 33,
  stopping: 33,
  failed: 31,
  stopped: 90,
};

const columns: readonly Column<PoolSnapshot>[] = [
  { title: 'POOL', align: 'left', cell: (pool) => pool.name },
  {
    title: 'STATE',
    align: 'left',
    cell: (pool) => pool.state,
    colour: (pool) => stateColour[pool.state],
  },
  { title: 'WORKERS', align: 'right', cell: (pool) => `${pool.workersReady}/${pool.workersWanted}` },
  { title: 'BUSY', align: 'right', cell: (pool) => known(busyWorkers(pool), String) },
  {
    title: 'LISTEN',
    align: 'left',
    cell: (pool) => pool.listen.join(', ') || '-',
    cut: { at: 'start', least: 12 },
    leavesAs: 1,
  },
  { title: 'UPTIME', align: 'right', cell: (pool) => known(longestUptime(pool), formatElapsed), leavesAs: 4 },
  {
    title: 'MEMORY',
    align: 'right',
    cell: (pool) => known(memoryOf(pool), formatBytes),
    leavesAs: 3,
  },
  {
    title: 'CPU',
    align: 'right',
    cell: (pool) => known(sumOfKnown(pool.workers.map(({ cpuPercent }) => cpuPercent)), formatPercent),
    leavesAs: 2,
  },
  { title: 'QUEUE', align: 'right', cell: (pool) => known(pool.queued, String) },
  { title: 'RESTARTS', align: 'right', cell: (pool) => String(pool.restarts) },
];

/** A line for each pool. */
export function formatPoolTable(pools: readonly PoolSnapshot[], options: TableOptions): readonly string[] {
  return formatTable(columns, pools, options);
}

/** Workers with a connection in hand; `null` when that is unknown of one that might have some. */
function busyWorkers({ workers }: PoolSnapshot): number | null {
  const counts = workers.filter(({ pid }) => pid !== null).map(({ connections }) => connections);
  if (counts.length === 0 || counts.includes(null)) return null;
  return counts.filter((count) => count !== null && count > 0).length;
}

function longestUptime(pool: PoolSnapshot): number | null {
  const uptimes = pool.workers.map(({ uptimeMs }) => uptimeMs).filter((uptimeMs) => uptimeMs !== null);
  return uptimes.length === 0 ? null : Math.max(...uptimes);
}

/** Of its workers, and of what they are forked from. */
function memoryOf({ workers, generations }: PoolSnapshot): number | null {
  const servers = generations.flatMap(({ forkServer }) => forkServer ?? []);
  return sumOfKnown([...workers, ...servers].map(({ memoryBytes }) => memoryBytes));
}
