import type { Occupancy } from './occupancy.ts';

/**
 * When a generation that gets no new connections has finished those it has.
 *
 * Nothing queued and nothing accepted, in two readings, because a connection is in neither place for the moment
 * in which accept(2) runs. Then a linger, since a client may have looked the address up just before it led
 * elsewhere, and one more look. What cannot be read is never taken for empty.
 *
 * Where the address leads nowhere, nobody gains by a long linger: a client that is so late is refused like all that
 * come after it, where otherwise it would be the only one to fail.
 */
export type DrainState =
  | { readonly phase: 'watching'; readonly emptyReadings: number }
  | { readonly phase: 'lingering'; readonly untilMs: number }
  | { readonly phase: 'drained' };

/** Where the address leads that the drained sockets had. */
export type NewLead = keyof typeof lingerMs;

export type DrainReading = 'empty' | 'busy' | 'unknown';

export const drainBegins: DrainState = { phase: 'watching', emptyReadings: 0 };

const emptyReadingsNeeded = 2;
/** By where the address leads by now. */
const lingerMs = { elsewhere: 1_000, nowhere: 100 } as const;
const firstDelayMs = 2;
const longestDelayMs = 50;

/** The state after a reading taken at `nowMs`. */
export function afterReading(
  state: DrainState,
  reading: DrainReading,
  nowMs: number,
  lead: NewLead = 'elsewhere',
): DrainState {
  if (state.phase === 'drained') return state;
  if (reading !== 'empty') return drainBegins;
  if (state.phase === 'lingering') return nowMs < state.untilMs ? state : { phase: 'drained' };
  const emptyReadings = state.emptyReadings + 1;
  return emptyReadings < emptyReadingsNeeded
    ? { phase: 'watching', emptyReadings }
    : { phase: 'lingering', untilMs: nowMs + lingerMs[lead] };
}

/** Milliseconds until the next reading, which follow `previousMs`: often at first, then ever more rarely. */
export function delayUntilNext(state: DrainState, previousMs: number | undefined, nowMs: number): number {
  if (state.phase === 'lingering') return Math.max(0, state.untilMs - nowMs);
  if (state.phase === 'watching' && state.emptyReadings > 0) return firstDelayMs;
  return previousMs === undefined
    ? firstDelayMs
    : Math.min(longestDelayMs, Math.max(firstDelayMs, previousMs * 2));
}

/** @param halfOpen number of handshakes from before the switch that may still arrive in the queue. */
export function readingOf(occupancies: readonly Occupancy[], halfOpen: number): DrainReading {
  const isBusy = occupancies.some(
    ({ hasQueued, accepted }) => hasQueued || [...accepted.values()].some((count) => count > 0),
  );
  if (isBusy || halfOpen > 0) return 'busy';
  return occupancies.some(({ unknown }) => unknown.length > 0) ? 'unknown' : 'empty';
}
