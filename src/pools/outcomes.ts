import type { Clock } from '../host/clock.ts';
import type { RefusedPool } from '../plan/plan.ts';
import { afterProblems } from '../status/misconfigured.ts';
import { isStop, type PoolOutcome, type PoolVerb } from './commands.ts';
import type { Pool } from './pool.ts';
import type { Cut } from './record.ts';
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

/** What a pool was like before it was scaled. */
export interface BeforeScaling {
  readonly at: Date;
  readonly generation: number | undefined;
}

export function beforeScaling({ generations }: Pool, clock: Clock): BeforeScaling {
  return { at: clock.wallTime(), generation: generations.live?.number };
}

/** Says how it came about where workers did not just come and go. */
export function scaled(outcome: PoolOutcome, pool: Pool, before: BeforeScaling): PoolOutcome {
  const live = pool.generations.live?.number;
  const hasSwitched = before.generation !== undefined && live !== undefined && live !== before.generation;
  const cuts = pool.record.cuts.filter(({ at }) => at >= before.at);
  const message = [
    outcome.message,
    ...(hasSwitched ? [`they are new ones (generation ${live}): the others had no moment to leave at`] : []),
    ...(cuts.length > 0 ? [describeCuts(cuts)] : []),
  ].join('; ');
  return { ...outcome, message };
}

function describeCuts(cuts: readonly Cut[]): string {
  const isKnown = cuts.every(({ connections }) => connections !== undefined);
  const connections = cuts.reduce((sum, cut) => sum + (cut.connections ?? 0), 0);
  const who = cuts.length === 1 ? '1 worker was' : `${cuts.length} workers were`;
  const what =
    connections === 1 && isKnown ? '1 connection' : `${isKnown ? '' : 'at least '}${connections} connections`;
  return `${who} told to end with ${what} in hand`;
}

/** A command to a pool whose configuration cannot be used. */
export function refused(verb: PoolVerb, { name, problems }: RefusedPool): PoolOutcome {
  const isDone = isStop(verb);
  const message = isDone ? 'was not running' : 'its configuration has problems';
  const details = isDone ? problems : [...problems, afterProblems];
  return { pool: name, isDone, state: 'failed', message, details };
}

/** A new configuration that cannot be used; the pool goes on with the one from before, if it had any. */
export function refusedChange({ name, problems }: RefusedPool, pool: Pool | undefined): PoolOutcome {
  const message = 'its new configuration has problems';
  const isMisconfigured = true;
  return pool === undefined
    ? { pool: name, isDone: false, state: 'failed', message, details: problems, isMisconfigured }
    : { ...of(pool, false, `${message}; it goes on as it was`, problems), isMisconfigured };
}
