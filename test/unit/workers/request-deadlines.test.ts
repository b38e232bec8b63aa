import { describe, expect, test } from 'vitest';
import {
  decideOnRequests,
  type Handled,
  type RequestPolicy,
} from '../../../src/workers/request-deadlines.ts';
import type { ShownSlot } from '../../../src/workers/scoreboard.ts';

const now = 1_000_000;
const policy: RequestPolicy = { slowMs: 5_000, timeoutMs: 30_000, killAfterMs: 2_000 };

function busy(ageMs: number, number = 1): ShownSlot {
  return { number, request: { method: 'GET', uri: '/', remote: '', ageMs, bytes: 0 } };
}

const idle: ShownSlot = { number: 1, request: undefined };
const fresh: Handled = { number: 1, isTraced: false, interruptedAtMs: undefined };

function decide(slots: readonly ShownSlot[], handled: readonly Handled[] = [], limits = policy) {
  const { actions, nextLookMs, handled: after } = decideOnRequests(slots, handled, now, limits);
  return {
    acts: actions.map(({ slot, do: act }) => `${slot} ${act}`),
    inMs: nextLookMs && nextLookMs - now,
    after,
  };
}

describe('the next look', () => {
  test('is when a request that begins at this moment would be slow, when none is in hand', () => {
    expect(decide([idle, idle])).toMatchObject({ acts: [], inMs: 5_000 });
  });

  test('is when the oldest request becomes slow', () => {
    expect(decide([busy(1_000), busy(3_200), idle])).toMatchObject({ acts: [], inMs: 1_800 });
  });

  test('is the timeout of a request that is known to be slow', () => {
    expect(decide([busy(28_000)], [{ ...fresh, isTraced: true }])).toMatchObject({ acts: [], inMs: 2_000 });
  });

  test('is that of a request still to come when nothing remains to be done for the one in hand', () => {
    const handled = { number: 1, isTraced: true, interruptedAtMs: now - 1_000 };
    expect(decide([busy(40_000)], [handled], { ...policy, killAfterMs: undefined })).toMatchObject({
      acts: [],
      inMs: 5_000,
    });
  });

  test('is never without limits', () => {
    const none = { slowMs: undefined, timeoutMs: undefined, killAfterMs: 2_000 };
    expect(decide([busy(1e9), idle], [], none)).toMatchObject({ acts: [], inMs: undefined });
  });
});

describe('a request', () => {
  test('is traced once, when it becomes slow', () => {
    const { acts, after } = decide([busy(5_000)]);
    expect(acts).toEqual(['0 trace']);
    expect(decide([busy(6_000)], after).acts).toEqual([]);
  });

  test('is traced though the one before it in the same thread was', () => {
    expect(decide([busy(5_000, 2)], [{ ...fresh, isTraced: true }]).acts).toEqual(['0 trace']);
  });

  test('is traced and interrupted at once when nobody had looked for long', () => {
    expect(decide([idle, busy(31_000)])).toMatchObject({ acts: ['1 trace', '1 interrupt'], inMs: 2_000 });
  });

  test('is interrupted once, and its process killed when that did not help', () => {
    const { acts, after } = decide([busy(30_000)], [{ ...fresh, isTraced: true }]);
    expect(acts).toEqual(['0 interrupt']);
    expect(decideOnRequests([busy(31_999)], after, now + 1_999, policy).actions).toEqual([]);
    expect(decideOnRequests([busy(32_000)], after, now + 2_000, policy).actions).toEqual([
      { slot: 0, do: 'kill' },
    ]);
  });

  test('is nobody else when the thread has another one after the interruption', () => {
    const handled = { number: 1, isTraced: true, interruptedAtMs: now - 5_000 };
    expect(decide([busy(100, 2)], [handled])).toMatchObject({ acts: [], inMs: 4_900 });
    expect(decide([idle], [handled])).toMatchObject({ acts: [], inMs: 5_000 });
  });

  test('is not killed for when its worker leaves by itself', () => {
    const handled = { number: 1, isTraced: true, interruptedAtMs: now - 60_000 };
    expect(decide([busy(90_000)], [handled], { ...policy, killAfterMs: undefined }).acts).toEqual([]);
  });

  test('has only the limits that there are', () => {
    expect(decide([busy(99_000)], [], { ...policy, timeoutMs: undefined }).acts).toEqual(['0 trace']);
    expect(decide([busy(99_000)], [], { ...policy, slowMs: undefined }).acts).toEqual(['0 interrupt']);
  });
});
