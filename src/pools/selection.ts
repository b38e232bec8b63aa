import { suggestion } from '../config/suggestion.ts';
import { RunfcgidError } from '../errors.ts';
import type { RefusedPool } from '../plan/plan.ts';
import type { PoolSelection } from './commands.ts';
import type { Pool } from './pool.ts';

export interface Selection {
  readonly pools: readonly Pool[];
  /** Pools that are named and have no plan to run by. */
  readonly refused: readonly RefusedPool[];
}

/**
 * The pools that a command names.
 *
 * @throws RunfcgidError PLAN_UNKNOWN_POOL for the first name that is none.
 */
export function selectPools(
  names: PoolSelection,
  pools: ReadonlyMap<string, Pool>,
  refused: readonly RefusedPool[],
): Selection {
  const withoutPlan = refused.filter(({ name }) => !pools.has(name));
  if (names === 'all') return { pools: [...pools.values()], refused: withoutPlan };
  const known = [...pools.keys(), ...withoutPlan.map(({ name }) => name)];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw unknownPool(unknown, known);
  return {
    pools: [...pools.values()].filter(({ plan }) => names.includes(plan.name)),
    refused: withoutPlan.filter(({ name }) => names.includes(name)),
  };
}

function unknownPool(name: string, known: readonly string[]): RunfcgidError {
  const near = suggestion(name, known);
  return new RunfcgidError('PLAN_UNKNOWN_POOL', `there is no pool "${name}"`, {
    hint: near === undefined ? `The pools are: ${known.join(', ') || 'none'}.` : `Did you mean "${near}"?`,
  });
}
