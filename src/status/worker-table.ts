import { formatBytes, formatElapsed, formatPercent } from './quantities.ts';
import type { PoolSnapshot, WorkerSnapshot, WorkerStateName } from './snapshot.ts';
import { type Column, formatTable, known, type TableOptions } from './table.ts';

const stateColour: Readonly<Record<WorkerStateName, number>> = {
  ready: 32,
  worn: 33,
  starting: 33,
  retiring: 33,
  stuck: 33,
  stopping: 33,
  killing: 33,
  backoff: 31,
  failed: 31,
  stopped: 90,
};

const columns: readonly Column<WorkerSnapshot>[] = [
  { title: 'WORKER', align: 'left', cell: (worker) => worker.id },
  { title: 'PID', align: 'right', cell: (worker) => known(worker.pid, String) },
  {
    title: 'STATE',
    align: 'left',
    cell: (worker) => worker.state,
    colour: (worker) => stateColour[worker.state],
  },
  { title: 'GENERATION', align: 'right', cell: (worker) => String(worker.generation) },
  { title: 'LISTEN', align: 'left', cell: (worker) => worker.listen },
  { title: 'UPTIME', align: 'right', cell: (worker) => known(worker.uptimeMs, formatElapsed) },
  { title: 'MEMORY', align: 'right', cell: (worker) => known(worker.memoryBytes, formatBytes) },
  { title: 'CPU', align: 'right', cell: (worker) => known(worker.cpuPercent, formatPercent) },
  { title: 'CONNECTIONS', align: 'right', cell: (worker) => known(worker.connections, String) },
  { title: 'RESTARTS', align: 'right', cell: (worker) => String(worker.restarts) },
];

/** A line for each worker of the pools; nothing when there is none. */
export function formatWorkerTable(pools: readonly PoolSnapshot[], options: TableOptions): readonly string[] {
  const workers = pools.flatMap((pool) => pool.workers);
  return workers.length === 0 ? [] : formatTable(columns, workers, options);
}
