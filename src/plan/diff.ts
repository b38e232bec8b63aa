import { isDeepStrictEqual } from 'node:util';
import { formatAddress } from '../config/address.ts';
import type { DaemonPlan, Plan, PoolPlan } from './plan.ts';

/**
 * What it takes to get from one plan of a pool to another: nothing, settings that change under running workers
 * (their number, timeouts, triggers), or new workers.
 */
export type PoolChange = 'keep' | 'adjust' | 'roll';

export function changeBetween(before: PoolPlan, after: PoolPlan): PoolChange {
  if (before === after || isDeepStrictEqual(before, after)) return 'keep';
  return isDeepStrictEqual(essence(before), essence(after)) ? 'adjust' : 'roll';
}

export interface PlanChange {
  readonly added: readonly PoolPlan[];
  readonly removed: readonly PoolPlan[];
  readonly changed: readonly PoolPlan[];
  readonly kept: readonly PoolPlan[];
}

/** Two plans to what happens to each pool. A pool that is refused in the new plan counts as neither. */
export function planChange(before: readonly PoolPlan[], after: Plan): PlanChange {
  const old = new Map(before.map((pool) => [pool.name, pool]));
  const names = new Set([...after.pools, ...after.refused].map(({ name }) => name));
  const isKept = (pool: PoolPlan): boolean => {
    const earlier = old.get(pool.name);
    return earlier !== undefined && changeBetween(earlier, pool) === 'keep';
  };
  const known = after.pools.filter(({ name }) => old.has(name));
  return {
    added: after.pools.filter(({ name }) => !old.has(name)),
    removed: before.filter(({ name }) => !names.has(name)),
    changed: known.filter((pool) => !isKept(pool)),
    kept: known.filter(isKept),
  };
}

/** What is told of settings of the daemon itself, which has read them at its start. */
export function keptSettings(before: DaemonPlan, after: DaemonPlan): readonly string[] {
  // Files with pools come and go.
  const isSame = isDeepStrictEqual({ ...after, configFiles: before.configFiles }, before);
  return isSame ? [] : ['settings in [daemon] have changed: they count from the next start'];
}

/** Both want to listen in the same place. */
export function haveCommonAddress(one: PoolPlan, other: PoolPlan): boolean {
  return one.listen.some(({ address }) =>
    other.listen.some((listen) => formatAddress(listen.address) === formatAddress(address)),
  );
}

/** What a worker is made of, and the sockets it gets: a change of it calls for new workers. */
function essence({ listen, worker, preset, reload }: PoolPlan): unknown {
  return { listen, worker, preset, mode: reload.mode };
}
