import { formatBytes, formatElapsed, formatPercent } from './quantities.ts';
import type { PoolSnapshot, ShownWorkerState, WorkerSnapshot } from './snapshot.ts';
import { type Column, formatTable, known, type TableOptions } from './table.ts';

const stateColour: Readonly<Record<ShownWorkerState, number>> = {
  ready: 32,
  worn: 33,
  starting: 33,
  draining: 33,
  retiring: 33,
  stuck: 33,
  stopping: 33,
  killing: 33,
  backoff: 31,
  failed: 31,
  stopped: 90,
};

/** Characters of a URI: a table is to be read. JSON has it all. */
const longestUri = 60;

const columns: readonly Column<WorkerSnapshot>[] = [
  { title: 'WORKER', align: 'left', cell: (worker) => worker.id },
  { title: 'PID', align: 'right', cell: (worker) => known(worker.pid, String) },
  {
    title: 'STATE',
    align: 'left',
    cell: (worker) => worker.state,
    colour: (worker) => stateColour[worker.state],
  },
  { title: 'GENERATION', align: 'right', cell: (worker) => String(worker.generation), leavesAs: 2 },
  {
    title: 'LISTEN',
    align: 'left',
    cell: (worker) => worker.listen,
    cut: { at: 'start', least: 12 },
    leavesAs: 1,
  },
  { title: 'UPTIME', align: 'right', cell: (worker) => known(worker.uptimeMs, formatElapsed), leavesAs: 8 },
  { title: 'REQUESTS', align: 'right', cell: (worker) => known(worker.requests, String), leavesAs: 7 },
  {
    title: 'MEMORY',
    align: 'right',
    cell: (worker) => known(worker.memoryBytes, formatBytes),
    leavesAs: 6,
  },
  { title: 'CPU', align: 'right', cell: (worker) => known(worker.cpuPercent, formatPercent), leavesAs: 4 },
  {
    title: 'CONNECTIONS',
    align: 'right',
    cell: (worker) => known(worker.connections, String),
    leavesAs: 5,
  },
  { title: 'RESTARTS', align: 'right', cell: (worker) => String(worker.restarts), leavesAs: 3 },
  { title: 'NOW', align: 'left', cell: describeActivity, cut: { at: 'middle', least: 28 } },
];

/** A line for each worker of the pools; nothing when there is none. */
export function formatWorkerTable(pools: readonly PoolSnapshot[], options: TableOptions): readonly string[] {
  const workers = pools.flatMap((pool) => pool.workers);
  return workers.length === 0 ? [] : formatTable(columns, workers, options);
}

/** `GET /search 3.2s`, `GET /search 3.2s and 2 more`, `idle`; of a program that does not show it: whether it is busy. */
function describeActivity({ current, connections }: WorkerSnapshot): string {
  if (current === null) {
    if (connections === null) return '-';
    return connections === 0 ? 'idle' : 'busy';
  }
  const [oldest] = current;
  if (oldest === undefined) return 'idle';
  const uri = oldest.uri.length > longestUri ? `${oldest.uri.slice(0, longestUri)}…` : oldest.uri;
  const rest = current.length === 1 ? '' : ` and ${current.length - 1} more`;
  return `${`${oldest.method} ${uri}`.trim()} ${formatElapsed(oldest.ageMs)}${rest}`;
}
