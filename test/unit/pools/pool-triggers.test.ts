import { expect, test } from 'vitest';
import { PoolTriggers } from '../../../src/pools/pool-triggers.ts';
import { FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

test('what a generation had seen is forgotten with it', () => {
  const fingerprint = { files: new Map(), tree: undefined };
  const watching = { fingerprint: () => fingerprint, hasChangedSince: () => ({}) };
  const surroundings = { ...new FakeWorld().surroundings, createTriggers: () => watching as never };
  const triggers = new PoolTriggers(surroundings, () => {});
  triggers.watch(fakePoolPlan(1).reload);
  triggers.remember(1, triggers.fingerprint());
  expect(triggers.haveFiredSince(1)).toBe(true);
  triggers.forget(1);
  expect(triggers.haveFiredSince(1)).toBe(false);
});
