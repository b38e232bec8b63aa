import { describeGeneration } from '../status/generation-text.ts';
import { formatElapsed } from '../status/quantities.ts';
import type { PoolSnapshot, ShownWorkerState } from '../status/snapshot.ts';
import type { PoolOutcome, PoolVerb } from './commands.ts';

/**
 * Whether a verb has become true of a pool, cannot become true for now, or is still on its way (`undefined`).
 * Pure.
 *
 * @param since when the verb was asked for, ISO 8601: a worker that has used up its boot timeout since then, or was
 * not proven, answers for the pool, which goes on trying.
 */
export function verdictOf(
  verb: PoolVerb | 'scale',
  pool: PoolSnapshot,
  since: string,
): PoolOutcome | undefined {
  switch (verb) {
    case 'stop':
    case 'kill':
      return stopVerdict(pool);
    case 'scale':
      return scaleVerdict(pool, since);
    case 'start':
    case 'restart':
    case 'reload':
      return startVerdict(pool, since);
  }
}

/** "2 of 4 workers ready", "stopping: 1 process left with GET /report in hand", "generation 3 proving: 1 of 2 workers ready" and the like. */
export function progressOf(pool: PoolSnapshot): string {
  if (pool.state === 'stopping') return progressOfStop(pool);
  const candidate = pool.generations.find(({ phase }) => phase === 'proving');
  if (candidate !== undefined) return describeGeneration(candidate);
  if (pool.state === 'stopped') return 'stopped';
  const leaving = countLeaving(pool);
  const left = leaving === 0 ? '' : `, ${leaving} leaving`;
  const ready = `${pool.workersReady} of ${pool.workersWanted} workers ready${left}`;
  return pool.reason === null ? ready : `${ready}; ${pool.reason}`;
}

function progressOfStop({ workers, killInMs }: PoolSnapshot): string {
  const left = workers.filter(({ pid }) => pid !== null).length;
  const requests = workers.flatMap(({ current }) => current ?? []);
  const [oldest] = requests.toSorted((one, other) => other.ageMs - one.ageMs);
  const more = requests.length > 1 ? ` and ${requests.length - 1} more` : '';
  const hand = oldest === undefined ? '' : ` with ${`${oldest.method} ${oldest.uri}`.trim()}${more} in hand`;
  return `stopping: ${left} ${left === 1 ? 'process' : 'processes'} left${hand}${describeKill(killInMs)}`;
}

function describeKill(killInMs: number | null): string {
  if (killInMs === null) return '';
  return killInMs === 0 ? ', being killed' : `, killed in ${formatElapsed(killInMs)} at the latest`;
}

function startVerdict(pool: PoolSnapshot, since: string): PoolOutcome | undefined {
  switch (pool.state) {
    case 'running':
      return outcome(pool, true, `running with ${countWorkers(pool.workersReady)}`);
    case 'failed':
      return troubled(pool);
    case 'degraded':
    case 'starting':
      return hasGivenUp(pool) || hasTimedOut(pool, since) ? troubled(pool) : undefined;
    case 'stopped':
      return outcome(pool, false, 'was stopped meanwhile');
    case 'stopping':
      return undefined;
  }
}

/** Also those that are too many have gone: on a socket that others serve they may go on taking requests until then. */
function scaleVerdict(pool: PoolSnapshot, since: string): PoolOutcome | undefined {
  const isTrue = pool.workersReady === pool.workersWanted && countLeaving(pool) === 0;
  return pool.state === 'running' && !isTrue ? undefined : startVerdict(pool, since);
}

/** Workers that leave the live generation. */
function countLeaving({ workers, generation }: PoolSnapshot): number {
  return workers.filter((worker) => worker.generation === generation && leavingStates.includes(worker.state))
    .length;
}

const leavingStates: readonly ShownWorkerState[] = ['retiring', 'stuck', 'stopping', 'killing'];

function hasGivenUp(pool: PoolSnapshot): boolean {
  return pool.workers.some(({ state }) => state === 'failed');
}

function hasTimedOut({ lastExit }: PoolSnapshot, since: string): boolean {
  return lastExit !== null && lastExit.cause !== 'died' && lastExit.at >= since;
}

function stopVerdict(pool: PoolSnapshot): PoolOutcome | undefined {
  switch (pool.state) {
    case 'stopped':
      return outcome(pool, true, 'stopped');
    case 'failed':
      return outcome(pool, true, 'was not running');
    case 'running':
    case 'starting':
    case 'degraded':
      return outcome(pool, false, 'was started meanwhile');
    case 'stopping':
      return undefined;
  }
}

function troubled(pool: PoolSnapshot): PoolOutcome {
  const details = pool.advice === null ? (pool.lastExit?.output ?? []) : [pool.advice];
  return outcome(pool, false, `${pool.state}: ${pool.reason ?? 'its workers died too often'}`, details);
}

function outcome(
  pool: PoolSnapshot,
  isDone: boolean,
  message: string,
  details: readonly string[] = [],
): PoolOutcome {
  return { pool: pool.name, isDone, state: pool.state, message, details };
}

function countWorkers(count: number): string {
  return count === 1 ? '1 worker' : `${count} workers`;
}
