import { expect, test } from 'vitest';
import { formatBytes, formatElapsed, formatPercent, sumOfKnown } from '../../../src/status/quantities.ts';

test.each([
  [-5, '0.0s'],
  [400, '0.4s'],
  [45_999, '45s'],
  [65_000, '1m5s'],
  [3_600_000, '1h'],
  [11_520_000, '3h12m'],
  [187_200_000, '2d4h'],
])('%d ms are %s', (durationMs, text) => {
  expect(formatElapsed(durationMs)).toBe(text);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [45 * 1024 ** 2, '45 MB'],
  [1_000 * 1024 ** 2, '1.0 GB'],
  [12 * 1024 ** 5, '12288 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0.0%'],
  [9.94, '9.9%'],
  [9.96, '10%'],
  [180.4, '180%'],
])('%d of a core is %s', (percent, text) => {
  expect(formatPercent(percent)).toBe(text);
});

test('a sum needs something known', () => {
  expect(sumOfKnown([1, null, 2])).toBe(3);
  expect(sumOfKnown([null])).toBeNull();
  expect(sumOfKnown([])).toBeNull();
});
