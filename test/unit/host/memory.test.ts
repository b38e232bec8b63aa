import { expect, test } from 'vitest';
import { readMemory } from '../../../src/host/memory.ts';

test('the memory of a process is measured in two ways, and a shared page counts less in one of them', () => {
  const [rss, pss] = [readMemory(process.pid, 'rss') ?? 0, readMemory(process.pid, 'pss') ?? 0];
  const { rss: expected } = process.memoryUsage();
  expect(rss).toBeGreaterThan(expected * 0.8);
  expect(rss).toBeLessThan(expected * 1.25);
  expect(pss).toBeGreaterThan(1_000_000);
  expect(pss).toBeLessThan(rss * 1.05);
});

test('of a process that is not there nothing is known', () => {
  expect([readMemory(2 ** 22 + 1, 'rss'), readMemory(2 ** 22 + 1, 'pss')]).toEqual([undefined, undefined]);
});
