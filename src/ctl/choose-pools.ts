import { RunfcgidError } from '../errors.ts';
import type { PoolSnapshot } from '../status/snapshot.ts';

/**
 * The named pools in the order of the daemon; all when none is named.
 *
 * @throws RunfcgidError PLAN_UNKNOWN_POOL
 */
export async function choosePools(
  names: readonly string[],
  pools: readonly PoolSnapshot[],
): Promise<readonly PoolSnapshot[]> {
  if (names.length === 0) return pools;
  const known = pools.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const { suggestion } = await import('../config/suggestion.ts');
    const meant = suggestion(unknown, known);
    throw new RunfcgidError('PLAN_UNKNOWN_POOL', `there is no pool "${unknown}"`, {
      hint: meant === undefined ? `Known pools: ${known.join(', ') || 'none'}.` : `Did you mean "${meant}"?`,
    });
  }
  return pools.filter(({ name }) => names.includes(name));
}
