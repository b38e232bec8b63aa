import { rmSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { signalProcess } from '../host/process-signal.ts';
import type { ProcessRow } from '../host/process-table.ts';
import type { LifecyclePlan } from '../plan/plan.ts';
import { type Seen, Sight } from './leftover-sight.ts';
import { LeftoverTree } from './leftover-tree.ts';
import { isOfFamily, poolOf } from './marker.ts';
import { killAll } from './process-tree.ts';
import { type Ledger, type LedgerEntry, nobodys, readLedger } from './worker-ledger.ts';

export interface LeftoverHunt {
  /** Where the ledger of an earlier daemon lies. */
  readonly ledger: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How workers of a pool are stopped; `undefined` for a pool that is not configured any more. */
  readonly lifecycleOf: (pool: string) => Pick<LifecyclePlan, 'stopSignal' | 'gracefulTimeoutMs'> | undefined;
}

const unknownPool = { stopSignal: 'SIGTERM', gracefulTimeoutMs: 10_000 } as const;
const pollMs = 50;
/** A worker that was just forked from the daemon shows the environment of that: one look is not enough. */
const enoughLooks = 2;
/** Enough even where there is always somebody of whom it cannot be told: on a machine that starts many programs. */
const mostLooks = 10;
/** A process that SIGKILL does not end within this time hangs in the kernel. */
const killPatienceMs = 5_000;
/** For programs of a site that make up markers for ever. */
const mostRounds = 5;

/**
 * Stops what an earlier daemon left behind when it was killed: the workers in its ledger, those that it had not written
 * down yet, and their trees. To be called before the first socket is opened, since a leftover may hold the port.
 *
 * Only a process is touched that carries an entry's marker in its environment, or another of the same family, with its
 * descendants and, when it is the worker itself, its session; a forged ledger hits nobody else.
 *
 * @returns the number of processes that were found. Survivors and a ledger that is not believed are logged.
 */
export async function stopLeftovers(hunt: LeftoverHunt): Promise<number> {
  const ledger = believe(hunt);
  const found = new Set<number>();
  if (ledger.family !== undefined || ledger.workers.length > 0) {
    const sight = new Sight(hunt.clock);
    await settle(sight, hunt.clock);
    let entries: readonly LedgerEntry[] = [...ledger.workers, ...unlisted(ledger, sight)];
    const met = [...entries];
    // Whoever is left may start others until it is gone.
    for (let round = 0; entries.length > 0 && round < mostRounds; round += 1) {
      await Promise.all(entries.map((entry) => stopTree(new LeftoverTree(entry, sight), hunt, found)));
      entries = unlisted({ ...ledger, workers: met }, sight);
      met.push(...entries);
    }
  }
  rmSync(hunt.ledger, { force: true, recursive: true });
  return found.size;
}

/** Waits until what was being started shows who it is. */
async function settle(sight: Sight, clock: Clock): Promise<void> {
  for (let looks = 1; looks < looksNeeded(sight.take('fresh')); looks += 1) await clock.sleep(pollMs);
}

function looksNeeded({ isUndecided }: Seen): number {
  return isUndecided ? mostLooks : enoughLooks;
}

/** Those of the family that are in no entry: their daemon was killed in the moment after it had started them. */
function unlisted({ family, workers }: Ledger, sight: Sight): readonly LedgerEntry[] {
  if (family === undefined) return [];
  const listed = new Set(workers.map(({ marker }) => marker));
  return [...sight.take('recent').marked]
    .filter(([marker]) => isOfFamily(marker, family) && !listed.has(marker))
    .map(([marker, rows]) => {
      const { pid, startTime } = rows.find((row) => row.session === row.pid) ?? { pid: -1, startTime: 0 };
      return { pid, startTime, pool: poolOf(marker), marker };
    });
}

async function stopTree(tree: LeftoverTree, hunt: LeftoverHunt, found: Set<number>): Promise<void> {
  const { pool } = tree.entry;
  const { stopSignal, gracefulTimeoutMs } = hunt.lifecycleOf(pool) ?? unknownPool;
  const first = tree.alive();
  if (first.length === 0) return;
  const pids = first.map(({ pid }) => pid);
  for (const pid of pids) found.add(pid);
  hunt.log.warn(
    { event: 'leftover.found', pool, pids },
    'a daemon that was killed left workers behind; stopping them',
  );
  for (const each of topmost(first)) signalProcess(each, stopSignal);
  if (await isGoneWithin(gracefulTimeoutMs, tree, hunt.clock)) return;
  killAll(() => tree.members('fresh'));
  if (await isGoneWithin(killPatienceMs, tree, hunt.clock)) return;
  const survivors = tree.alive().map(({ pid }) => pid);
  hunt.log.error(
    { event: 'leftover.survived', pool, pids: survivors },
    'leftover workers could not be stopped',
  );
}

async function isGoneWithin(durationMs: number, tree: LeftoverTree, clock: Clock): Promise<boolean> {
  const deadlineMs = clock.now() + durationMs;
  for (let emptyLooks = 0; ; ) {
    emptyLooks = tree.alive().length > 0 ? 0 : emptyLooks + 1;
    if (emptyLooks >= looksNeeded(tree.seen)) return true;
    if (emptyLooks === 0 && clock.now() >= deadlineMs) return false;
    await clock.sleep(pollMs);
  }
}

function believe({ ledger, log }: LeftoverHunt): Ledger {
  try {
    return readLedger(ledger);
  } catch (error) {
    log.warn(
      { event: 'ledger.refused', file: ledger, error: describeError(error) },
      'the list of workers that an earlier daemon left is not believed; workers of it may still run',
    );
    return nobodys;
  }
}

/** Those whose parent is not among them: the worker, or the orphans it left. */
function topmost(rows: readonly ProcessRow[]): readonly ProcessRow[] {
  const pids = new Set(rows.map(({ pid }) => pid));
  return rows.filter(({ parent }) => !pids.has(parent));
}
