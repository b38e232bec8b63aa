import { dirname, join } from 'node:path';

/**
 * Number of workers that a daemon left behind when it was killed, and that still serve; 0 when none are known.
 *
 * @param socketPath where that daemon listened; its list of workers lies beside it.
 */
export async function countOrphans(socketPath: string): Promise<number> {
  const [{ readLedger }, { readProcess }] = await Promise.all([
    import('../workers/worker-ledger.ts'),
    import('../host/process-table.ts'),
  ]);
  try {
    const { workers } = readLedger(join(dirname(socketPath), 'workers.json'));
    return workers.filter(({ pid, startTime }) => readProcess(pid)?.startTime === startTime).length;
  } catch {
    // Not to be read by us, or damaged: the next daemon says so.
    return 0;
  }
}
