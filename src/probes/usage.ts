import pidusage from 'pidusage';
import { describeError, RunfcgidError } from '../errors.ts';

/** What a worker takes, its descendants included. */
export interface Usage {
  /** Resident memory. Pages that processes share are counted once for each of them. */
  readonly memoryBytes: number;
  /** 100 is one core. Since the reading before; at the first one, since the process started. */
  readonly cpuPercent: number;
}

type Sample = Pick<pidusage.Status, 'ctime' | 'elapsed' | 'timestamp'> & Usage;

/** Processor time is counted in hundredths of a second: a shorter span says nothing, the last answer is repeated. */
const shortestSpanMs = 250;

/**
 * pidusage keeps a descriptor of /proc/PID/stat open for so long after a reading. Its `clear` would forget the
 * descriptors without closing them.
 */
const maxage = 2_000;

/**
 * Its first reading asks getconf(1) for clock tick and page size. Where that cannot be run, as while the daemon is out
 * of descriptors, it goes by 100 and 4096, and would say so on standard error, where nobody may write but the log.
 */
process.env['PIDUSAGE_SILENT'] = '1';

/** Reads memory and processor time when somebody asks; keeps the last reading of those that still live, no more. */
export class UsageReader {
  #before: ReadonlyMap<number, Sample> = new Map();

  /**
   * One reading for all: each list of `trees` holds the pids of one worker's tree. The answer has the same order;
   * `undefined` for a tree of which no process lives any more.
   *
   * @throws RunfcgidError KERNEL when /proc cannot be read.
   */
  async read(trees: readonly (readonly number[])[]): Promise<readonly (Usage | undefined)[]> {
    const pids = [...new Set(trees.flat())];
    const statuses = pids.length === 0 ? [] : await readAll(pids);
    const before = this.#before;
    const now = new Map(statuses.map((status) => [status.pid, sampleOf(status, before.get(status.pid))]));
    this.#before = now;
    return trees.map((tree) => sum(tree.flatMap((pid) => now.get(pid) ?? [])));
  }
}

async function readAll(pids: readonly number[]): Promise<readonly pidusage.Status[]> {
  try {
    // A list of one makes pidusage fail when that process is gone; any longer list just lacks it. We are there.
    const statuses = await pidusage([...pids, process.pid], { maxage });
    // Gone before its first reading it is null, gone since an earlier one undefined.
    return Object.values(statuses).filter((status: pidusage.Status | null | undefined) => Boolean(status));
  } catch (error) {
    throw new RunfcgidError('KERNEL', `memory and CPU cannot be read: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function sampleOf(status: pidusage.Status, before: Sample | undefined): Sample {
  const { ctime, elapsed, timestamp, memory } = status;
  const since = before !== undefined && isSameProcess(status, before) ? before : undefined;
  const spanMs = elapsed - (since?.elapsed ?? 0);
  if (since !== undefined && spanMs < shortestSpanMs) return { ...since, memoryBytes: memory };
  const cpuPercent = spanMs > 0 ? ((ctime - (since?.ctime ?? 0)) / spanMs) * 100 : 0;
  return { ctime, elapsed, timestamp, memoryBytes: memory, cpuPercent };
}

/** A pid may have been given to another process since, which then began at another moment. */
function isSameProcess(now: pidusage.Status, before: Sample): boolean {
  const moved = now.timestamp - now.elapsed - (before.timestamp - before.elapsed);
  return now.ctime >= before.ctime && Math.abs(moved) < 1_000;
}

function sum(parts: readonly Usage[]): Usage | undefined {
  if (parts.length === 0) return undefined;
  return {
    memoryBytes: parts.reduce((total, { memoryBytes }) => total + memoryBytes, 0),
    cpuPercent: parts.reduce((total, { cpuPercent }) => total + cpuPercent, 0),
  };
}
