import type { RefusedPool } from '../plan/plan.ts';
import type { PoolOutcome, PoolVerb } from './commands.ts';
import type { Pool } from './pool.ts';
import type { ReloadOutcome } from './reload-requests.ts';

/** What became of a command, said of a pool as it is now. */
export function of(
  pool: Pool,
  isDone: boolean,
  message: string,
  details: readonly string[] = [],
): PoolOutcome {
  return { pool: pool.plan.name, isDone, state: pool.state, message, details };
}

/** A pool that was stopped on purpose, or is being stopped: a reload is no reason to start it. */
export function nothingToReload(pool: Pool): PoolOutcome {
  const what = pool.state === 'stopped' ? 'is not running' : 'is being stopped';
  return of(pool, false, `${what}: there is nothing to reload`);
}

/** A reload that did not lead to new workers. */
export function notReloaded(pool: Pool, outcome: Exclude<ReloadOutcome, { kind: 'switched' }>): PoolOutcome {
  const isServing = pool.state === 'running' || pool.state === 'degraded';
  const still = isServing ? '; the workers from before go on serving' : '';
  const details = outcome.kind === 'refused' ? outcome.output : [];
  return of(pool, false, `reload ${outcome.kind}: ${outcome.reason}${still}`, details);
}

/** A command to a pool whose configuration cannot be used. */
export function refused(verb: PoolVerb, { name, problems }: RefusedPool): PoolOutcome {
  const isDone = verb === 'stop';
  const message = isDone ? 'was not running' : 'its configuration has problems';
  return { pool: name, isDone, state: 'failed', message, details: problems };
}

/** A new configuration that cannot be used; the pool goes on with the one from before, if it had any. */
export function refusedChange({ name, problems }: RefusedPool, pool: Pool | undefined): PoolOutcome {
  const message = 'its new configuration has problems';
  return pool === undefined
    ? { pool: name, isDone: false, state: 'failed', message, details: problems }
    : of(pool, false, `${message}; it goes on as it was`, problems);
}
