import { beforeEach, expect, test } from 'vitest';
import { PoolTriggers } from '../../../src/pools/pool-triggers.ts';
import { FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

const { reload } = fakePoolPlan(1);
let hasChanged: boolean;
let triggers: PoolTriggers;

beforeEach(() => {
  hasChanged = false;
  const watching = {
    fingerprint: () => ({ files: new Map(), tree: undefined }),
    hasChangedSince: () => (hasChanged ? {} : undefined),
    close: () => Promise.resolve(),
  };
  const surroundings = { ...new FakeWorld().surroundings, createTriggers: () => watching as never };
  triggers = new PoolTriggers(surroundings, () => {});
  triggers.watch(reload);
});

test('what a generation had seen is forgotten with it', () => {
  triggers.remember(1, triggers.fingerprint());
  hasChanged = true;
  expect(triggers.haveFiredSince(1)).toBe(true);
  triggers.forget(1);
  expect(triggers.haveFiredSince(1)).toBe(false);
});

test('a generation is asked about also when other files are watched since it was opened', () => {
  triggers.watch({ ...reload, touchFiles: ['/srv/site.fcgi'] }, [1]);
  expect(triggers.haveFiredSince(1)).toBe(false);
  hasChanged = true;
  expect(triggers.haveFiredSince(1)).toBe(true);
});

test('other files to watch do not make old code new', () => {
  triggers.remember(1, triggers.fingerprint());
  hasChanged = true;
  triggers.watch({ ...reload, touchFiles: ['/srv/site.fcgi'] }, [1, 2]);
  hasChanged = false;
  expect([triggers.haveFiredSince(1), triggers.haveFiredSince(2)]).toEqual([true, false]);
});
