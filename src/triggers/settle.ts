import type { Change } from './event.ts';

/**
 * Theory of settling. Activity (a hint from the kernel, or a change found by looking) opens a batch; every
 * further activity postpones its end by the quiet time of its source, but never beyond `maxWaitMs` after
 * the first, so that a writer who never stops cannot hold a reload back for ever. When the batch is due, one more
 * look decides: it found nothing new, then the batch is over.
 */
export interface Batch {
  /** Monotonic milliseconds of the first activity. */
  readonly openedMs: number;
  readonly quietUntilMs: number;
  /** In the order they were seen, each file once. Empty while there were only hints. */
  readonly changes: readonly Change[];
}

export interface Activity {
  readonly nowMs: number;
  /** Nothing more may happen for this long. */
  readonly quietMs: number;
  readonly changes?: readonly Change[];
}

/** The batch with `activity` added; `undefined` is no batch. */
export function withActivity(batch: Batch | undefined, activity: Activity): Batch {
  const seen = batch?.changes ?? [];
  const isNew = (change: Change): boolean => !known.has(change.file);
  const known = new Set(seen.map((change) => change.file));
  return {
    openedMs: batch?.openedMs ?? activity.nowMs,
    // A source with a longer quiet time, still within it, is not cut short by a hastier one.
    quietUntilMs: Math.max(batch?.quietUntilMs ?? 0, activity.nowMs + activity.quietMs),
    changes: [...seen, ...(activity.changes ?? []).filter(isNew)],
  };
}

/** When the batch is to be looked at for the last time, in monotonic milliseconds. */
export function dueMs(batch: Batch, maxWaitMs: number): number {
  return Math.min(batch.quietUntilMs, batch.openedMs + maxWaitMs);
}
