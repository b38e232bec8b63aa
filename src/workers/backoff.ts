export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait before the next start after `attempt` early deaths in a row (0: none, start at once).
 * Doubles from `initialMs` to `maxMs`, then a random tenth is taken off or put on, so that workers that died
 * together do not come back together.
 *
 * @param random a number from 0 (inclusive) to 1.
 */
export function backoffDelay(attempt: number, policy: BackoffPolicy, random: number): number {
  if (attempt <= 0) return 0;
  const exponential = policy.initialMs * 2 ** Math.min(attempt - 1, 30);
  const capped = Math.min(exponential, policy.maxMs);
  return Math.round(capped * (0.9 + 0.2 * random));
}
