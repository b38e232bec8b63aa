/** When the early deaths of a pool's workers happened, oldest first, in monotonic milliseconds. */
export type DeathHistory = readonly number[];

export interface IntensityPolicy {
  /** Early deaths that are tolerated within the window; the history holds no older ones. */
  readonly maxRestarts: number;
}

/** The history with a death at `nowMs` added and everything older than the window forgotten. */
export function withDeath(history: DeathHistory, nowMs: number, windowMs: number): DeathHistory {
  return [...history.filter((diedAtMs) => nowMs - diedAtMs < windowMs), nowMs];
}

/** True when the pool died too often to go on as before. */
export function isExceeded(history: DeathHistory, policy: IntensityPolicy): boolean {
  return history.length > policy.maxRestarts;
}
