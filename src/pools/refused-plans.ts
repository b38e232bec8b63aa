import type { RefusedPool } from '../plan/plan.ts';
import type { Pool } from './pool.ts';

/** Each pool remembers what is wrong with the plan that it cannot follow, until it gets one that it can. */
export function noteRefusedPlans(
  refused: readonly RefusedPool[],
  pools: ReadonlyMap<string, Pool>,
): readonly RefusedPool[] {
  const problems = new Map(refused.map((each) => [each.name, each.problems]));
  for (const [name, { record }] of pools) {
    const wrong = problems.get(name);
    record.refusedPlan = wrong && record.trouble('its new configuration has problems', wrong);
  }
  return refused;
}
