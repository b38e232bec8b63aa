import type { LifecyclePlan } from './plan.ts';

/** When the parts of a stop are over in any case, in monotonic milliseconds. */
export interface StopDeadlines {
  /** Workers that still have something in hand get their stop signal. */
  readonly drainByMs: number;
  /** They are killed. */
  readonly endByMs: number;
}

/** The part of the graceful timeout that is left between the stop signal and SIGKILL: programs clean up on the signal. */
const lastPart = 0.1;

/**
 * The graceful timeout of a pool that is to stop counts from then: what was promised is its end, and a request that hangs
 * does not empty the sockets, however long that is waited for.
 */
export function stopDeadlines(
  { gracefulTimeoutMs, drainTimeoutMs }: Pick<LifecyclePlan, 'gracefulTimeoutMs' | 'drainTimeoutMs'>,
  nowMs: number,
): StopDeadlines {
  const longestDrainMs = Math.round(gracefulTimeoutMs * (1 - lastPart));
  return { drainByMs: nowMs + Math.min(drainTimeoutMs, longestDrainMs), endByMs: nowMs + gracefulTimeoutMs };
}
