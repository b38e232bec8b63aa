import { expect, test } from 'vitest';
import { backoffDelay } from '../../../src/workers/backoff.ts';

const policy = { initialMs: 200, maxMs: 30_000 };

test.each([
  [0, 0],
  [1, 200],
  [2, 400],
  [3, 800],
  [8, 25_600],
  [9, 30_000],
  [2_000, 30_000],
])('after %i early deaths in a row the next start waits %i ms', (attempt, expected) => {
  expect(backoffDelay(attempt, policy, 0.5)).toBe(expected);
});

test('a random tenth keeps workers that died together apart', () => {
  expect(backoffDelay(9, policy, 0)).toBe(27_000);
  expect(backoffDelay(9, policy, 0.999_999)).toBe(33_000);
});
