import { describe, expect, it } from 'vitest';
import {
  afterReading,
  type DrainReading,
  type DrainState,
  delayUntilNext,
  drainBegins,
  readingOf,
} from '../../../src/sockets/drain.ts';

const quiet = { hasQueued: false, queued: 0, accepted: new Map([[7, 0]]), unknown: [] };

function stateAfter(readings: readonly (readonly [DrainReading, number])[]): DrainState {
  return readings.reduce((state, [reading, nowMs]) => afterReading(state, reading, nowMs), drainBegins);
}

describe('a drain', () => {
  it('lingers for a second after two empty readings, and is done after one more', () => {
    expect(stateAfter([['empty', 0]])).toEqual({ phase: 'watching', emptyReadings: 1 });
    const lingering = stateAfter([
      ['empty', 0],
      ['empty', 2],
    ]);
    expect(lingering).toEqual({ phase: 'lingering', untilMs: 1002 });
    expect(afterReading(lingering, 'empty', 1001)).toBe(lingering);
    expect(afterReading(lingering, 'empty', 1002)).toEqual({ phase: 'drained' });
  });

  it('lingers for a moment only where the address leads nowhere, and a client that is late is refused anyway', () => {
    const watching = afterReading(drainBegins, 'empty', 0, 'nowhere');
    expect(afterReading(watching, 'empty', 2, 'nowhere')).toEqual({ phase: 'lingering', untilMs: 102 });
  });

  it.each(['busy', 'unknown'] as const)(
    'begins again after a %s reading, whatever came before',
    (reading) => {
      for (const state of [
        drainBegins,
        stateAfter([['empty', 0]]),
        stateAfter([
          ['empty', 0],
          ['empty', 2],
        ]),
      ]) {
        expect(afterReading(state, reading, 5000)).toEqual(drainBegins);
      }
    },
  );

  it('stays done', () => {
    expect(afterReading({ phase: 'drained' }, 'busy', 9)).toEqual({ phase: 'drained' });
  });

  it('looks after 2 ms at first and backs off to 50 ms, but takes the second empty reading soon', () => {
    const delays: number[] = [];
    let delay: number | undefined;
    for (let count = 0; count < 8; count += 1) {
      delay = delayUntilNext(drainBegins, delay, 0);
      delays.push(delay);
    }
    expect(delays).toEqual([2, 4, 8, 16, 32, 50, 50, 50]);
    expect(delayUntilNext({ phase: 'watching', emptyReadings: 1 }, 50, 0)).toBe(2);
    expect(delayUntilNext({ phase: 'lingering', untilMs: 1500 }, 2, 500)).toBe(1000);
    expect(delayUntilNext({ phase: 'lingering', untilMs: 1500 }, 2, 1600)).toBe(0);
  });

  it('is done in every run of readings that ends in enough empty ones, and in no other', () => {
    let seed = 42;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    for (let run = 0; run < 300; run += 1) {
      let state = drainBegins;
      let nowMs = 0;
      let quietSinceMs: number | undefined;
      for (let step = 0; step < 60 && state.phase !== 'drained'; step += 1) {
        nowMs += random() * 400;
        const reading: DrainReading = random() < 0.8 ? 'empty' : random() < 0.5 ? 'busy' : 'unknown';
        if (reading !== 'empty') quietSinceMs = undefined;
        else quietSinceMs ??= nowMs;
        state = afterReading(state, reading, nowMs);
      }
      if (state.phase === 'drained') expect(nowMs - (quietSinceMs ?? nowMs)).toBeGreaterThanOrEqual(1000);
    }
  });
});

describe('a reading', () => {
  it.each([
    ['empty', [quiet], 0],
    ['empty', [], 0],
    ['busy', [quiet, { ...quiet, hasQueued: true, queued: undefined }], 0],
    ['busy', [{ ...quiet, accepted: new Map([[7, 1]]) }, quiet], 0],
    ['busy', [quiet], 1],
    ['unknown', [quiet, { ...quiet, unknown: [8] }], 0],
    ['busy', [{ ...quiet, hasQueued: true, unknown: [8] }], 0],
  ] as const)('is %s for %o with %i half-open handshakes', (reading, occupancies, halfOpen) => {
    expect(readingOf(occupancies, halfOpen)).toBe(reading);
  });
});
