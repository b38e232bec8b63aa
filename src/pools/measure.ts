import type { UsageReader } from '../probes/usage.ts';
import type { Pool } from './pool.ts';
import type { Measure, Measures } from './pool-snapshot.ts';

/** Memory and CPU of every worker's process tree, by the pid of the worker. Read when somebody asks, in one go. */
export async function measurePools(pools: readonly Pool[], usage: UsageReader): Promise<Measures> {
  const workers = pools.flatMap(({ generations }) =>
    generations.list.flatMap((generation) =>
      generation.workers.flatMap((worker) =>
        worker.pid === undefined ? [] : [{ pid: worker.pid, tree: worker.treePids() }],
      ),
    ),
  );
  const usages = await usage.read(workers.map(({ tree }) => tree));
  return new Map(
    workers.map(({ pid }, index): [number, Measure] => {
      const { memoryBytes = null, cpuPercent = null } = usages[index] ?? {};
      return [pid, { memoryBytes, cpuPercent, connections: null }];
    }),
  );
}
