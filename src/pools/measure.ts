import { readTables } from '../host/socket-tables.ts';
import type { UsageReader } from '../probes/usage.ts';
import { ConnectionReader } from '../sockets/connection-reader.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import { readOccupancy } from '../sockets/occupancy.ts';
import type { Pool } from './pool.ts';
import type { Measure, Measures } from './pool-snapshot.ts';

interface MeasuredWorker {
  readonly pid: number;
  /** With all its descendants. */
  readonly tree: readonly number[];
  readonly socket: ListenSocket;
}

/**
 * Memory, CPU and connections of every worker's process tree, by the pid of the worker, and what its fork server
 * takes. Read when somebody asks, in
 * one go.
 */
export async function measurePools(pools: readonly Pool[], usage: UsageReader): Promise<Measures> {
  const workers = pools.flatMap(({ generations }) =>
    generations.list.flatMap((generation) =>
      generation.present.flatMap((worker) =>
        worker.pid === undefined ? [] : [{ pid: worker.pid, tree: worker.treePids(), socket: worker.socket }],
      ),
    ),
  );
  const connections = readConnections(workers);
  const measured = [...workers, ...forkServersOf(pools)];
  const usages = await usage.read(measured.map(({ tree }) => tree));
  return new Map(
    measured.map(({ pid }, index): [number, Measure] => {
      const { memoryBytes = null, cpuPercent = null } = usages[index] ?? {};
      return [pid, { memoryBytes, cpuPercent, connections: connections.get(pid) ?? null }];
    }),
  );
}

/** Each by itself: its descendants are the workers. */
function forkServersOf(pools: readonly Pool[]): readonly Pick<MeasuredWorker, 'pid' | 'tree'>[] {
  const pids = pools.flatMap(({ generations }) => generations.list.map(({ forks }) => forks?.serverPid));
  return pids.filter((pid) => pid !== undefined).map((pid) => ({ pid, tree: [pid] }));
}

/** Connections accepted from the worker's listen socket, by its pid; `null` when a process of its tree cannot be read. */
export function readConnections(workers: readonly MeasuredWorker[]): ReadonlyMap<number, number | null> {
  const bySocket = new Map<ListenSocket, MeasuredWorker[]>();
  for (const worker of workers) {
    bySocket.set(worker.socket, [...(bySocket.get(worker.socket) ?? []), worker]);
  }
  const groups = [...bySocket];
  const watched = groups.map(([socket, holders]) => ({
    socket,
    pids: () => [...new Set(holders.flatMap(({ tree }) => tree))],
  }));
  // A reader of its own for each look: what it remembers would be of another process by the next one.
  const occupancies = readOccupancy(watched, new ConnectionReader(), readTables());
  return new Map(
    groups.flatMap(([, holders], index) => {
      const { accepted, unknown = [] } = occupancies[index] ?? {};
      return holders.map(({ pid, tree }): [number, number | null] => {
        if (tree.some((each) => unknown.includes(each))) return [pid, null];
        return [pid, tree.reduce((sum, each) => sum + (accepted?.get(each) ?? 0), 0)];
      });
    }),
  );
}
