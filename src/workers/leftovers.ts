import { rmSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { signalProcess } from '../host/process-signal.ts';
import type { ProcessRow } from '../host/process-table.ts';
import type { LifecyclePlan } from '../plan/plan.ts';
import { LeftoverTree, Sight } from './leftover-tree.ts';
import { killAll } from './process-tree.ts';
import { type LedgerEntry, readLedger } from './worker-ledger.ts';

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
/** A process in the middle of execve(2) shows no environment, and so no marker: one empty look is not enough. */
const enoughLooks = 2;
/** A process that SIGKILL does not end within this time hangs in the kernel. */
const killPatienceMs = 5_000;

/**
 * Stops what an earlier daemon left behind when it was killed: the workers in its ledger and their trees. To be called
 * before the first socket is opened, since a leftover may hold the port.
 *
 * Only a process that carries an entry's marker in its environment is touched, with its descendants and, when it is
 * the worker itself, its session; a forged ledger hits nobody else.
 *
 * @returns the number of processes that were found. Survivors and a ledger that is not believed are logged.
 */
export async function stopLeftovers(hunt: LeftoverHunt): Promise<number> {
  const entries = believe(hunt);
  const found = new Set<number>();
  if (entries.length > 0) {
    const sight = new Sight(hunt.clock);
    const trees = entries.map((entry) => new LeftoverTree(entry, sight));
    await Promise.all(trees.map((tree) => stopTree(tree, hunt, found)));
  }
  rmSync(hunt.ledger, { force: true, recursive: true });
  return found.size;
}

async function stopTree(tree: LeftoverTree, hunt: LeftoverHunt, found: Set<number>): Promise<void> {
  const { pool } = tree.entry;
  const { stopSignal, gracefulTimeoutMs } = hunt.lifecycleOf(pool) ?? unknownPool;
  const first = await firstLook(tree, hunt.clock);
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

async function firstLook(tree: LeftoverTree, clock: Clock): Promise<readonly ProcessRow[]> {
  const found = tree.alive();
  if (found.length > 0) return found;
  await clock.sleep(pollMs);
  return tree.alive();
}

async function isGoneWithin(durationMs: number, tree: LeftoverTree, clock: Clock): Promise<boolean> {
  const deadlineMs = clock.now() + durationMs;
  for (let emptyLooks = 0; ; ) {
    emptyLooks = tree.alive().length > 0 ? 0 : emptyLooks + 1;
    if (emptyLooks === enoughLooks) return true;
    if (emptyLooks === 0 && clock.now() >= deadlineMs) return false;
    await clock.sleep(pollMs);
  }
}

function believe({ ledger, log }: LeftoverHunt): readonly LedgerEntry[] {
  try {
    return readLedger(ledger);
  } catch (error) {
    log.warn(
      { event: 'ledger.refused', file: ledger, error: describeError(error) },
      'the list of workers that an earlier daemon left is not believed; workers of it may still run',
    );
    return [];
  }
}

/** Those whose parent is not among them: the worker, or the orphans it left. */
function topmost(rows: readonly ProcessRow[]): readonly ProcessRow[] {
  const pids = new Set(rows.map(({ pid }) => pid));
  return rows.filter(({ parent }) => !pids.has(parent));
}
