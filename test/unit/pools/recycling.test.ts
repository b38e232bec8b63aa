import { expect, test } from 'vitest';
import type { PoolPlan } from '../../../src/plan/plan.ts';
import { Pool } from '../../../src/pools/pool.ts';
import { type FakeProcess, FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

interface Scene {
  readonly world: FakeWorld;
  readonly pool: Pool;
  /** What is newer on disk than what the first generation has read. */
  readonly disk: { hasChanged: boolean };
}

async function running(
  workers: number,
  change: (plan: PoolPlan) => Partial<PoolPlan> = () => ({}),
): Promise<Scene> {
  const world = new FakeWorld();
  const disk = { hasChanged: false };
  const triggers = {
    fingerprint: () => ({ files: new Map(), tree: undefined }),
    hasChangedSince: () => (disk.hasChanged ? {} : undefined),
    close: () => Promise.resolve(),
  };
  const plan = fakePoolPlan(workers);
  const surroundings = { ...world.surroundings, createTriggers: () => triggers as never };
  const pool = new Pool({ ...plan, ...change(plan) }, surroundings, () => {});
  pool.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  expect(pool.state).toBe('running');
  return { world, pool, disk };
}

const withSurge = (surge: number) => (plan: PoolPlan) => ({ reload: { ...plan.reload, surge } });
const withAge = (maxAgeMs: number) => (plan: PoolPlan) => ({
  lifecycle: { ...plan.lifecycle, maxAgeMs },
  reload: { ...plan.reload, surge: 1 },
});

function ready(pool: Pool): number {
  const workers = pool.generations.live?.workers ?? [];
  return workers.filter(({ state }) => state.name === 'ready' || state.name === 'worn').length;
}

function states(pool: Pool): readonly string[] {
  return (pool.generations.live?.workers ?? []).map(({ state }) => state.name);
}

function signaled({ world }: Scene): readonly FakeProcess[] {
  return world.alive.filter(({ signals }) => signals.length > 0);
}

test('what is left of a worker that has died does not speak for the one that follows', async () => {
  const { world, pool } = await running(1);
  const [dead] = world.alive;
  await world.clock.advance(60_000);
  dead?.exit(1);
  await world.clock.advance(0);
  dead?.becomeReady();
  expect(states(pool)).toEqual(['starting']);
  world.alive[0]?.becomeReady();
  dead?.wearOut();
  expect(states(pool)).toEqual(['ready']);
});

test('a worn worker serves until another is ready in its place, and then retires', async () => {
  const { world, pool } = await running(2);
  const [worn] = world.alive;
  worn?.wearOut();
  expect(states(pool)).toEqual(['worn', 'ready']);
  expect(pool.state).toBe('running');
  expect(world.alive).toHaveLength(3);
  expect(world.retirements).toHaveLength(0);
  world.alive[2]?.becomeReady();
  expect(states(pool)).toEqual(['ready', 'ready']);
  expect(world.retirements).toHaveLength(1);
  world.retirements[0]?.();
  expect(world.alive).not.toContain(worn);
  expect(pool.record).toMatchObject({
    recycled: 1,
    deaths: 0,
    lastDeath: undefined,
    lastRecycling: { worker: 'site/1', reason: 'max_requests', detail: '1000 requests' },
  });
  expect(world.log.of('worker.recycled')).toMatchObject([{ reason: 'max_requests' }]);
});

test('a whole pool that wears out at once is replaced one by one where the surge is small', async () => {
  const { world, pool } = await running(4, withSurge(1));
  for (const process of [...world.alive]) process.wearOut();
  for (let round = 0; round < 4; round += 1) {
    expect(world.alive).toHaveLength(5);
    expect(ready(pool)).toBe(4);
    world.alive.at(-1)?.becomeReady();
    expect(ready(pool)).toBe(4);
    expect(world.alive).toHaveLength(5);
    world.retirements.shift()?.();
    await world.clock.advance(0);
  }
  expect(world.alive).toHaveLength(4);
  expect(states(pool)).toEqual(Array(4).fill('ready'));
  expect(pool.record.recycled).toBe(4);
});

test('a whole pool that wears out at once is replaced at once where the surge allows it', async () => {
  const { world, pool } = await running(4);
  for (const process of [...world.alive]) process.wearOut();
  expect(world.alive).toHaveLength(8);
  expect(ready(pool)).toBe(4);
});

test('whoever takes over listens on the same socket', async () => {
  const { world, pool } = await running(2, ({ listen: [first, ...rest] }) => ({
    listen: [first, { ...first, address: { kind: 'unix', path: '/run/other.sock' } }, ...rest] as never,
  }));
  const [, second] = world.alive;
  second?.wearOut();
  expect(world.alive[2]?.request.listenFd).toBe(second?.request.listenFd);
  world.alive[2]?.becomeReady();
  void pool.scale(4);
  await world.clock.advance(0);
  const fds = world.alive.filter((process) => process !== second).map(({ request }) => request.listenFd);
  expect(new Set(fds.slice(-2)).size).toBe(2);
});

test('workers of a certain age are replaced, each at its own time', async () => {
  const { world, pool } = await running(2, withAge(60_000));
  await world.clock.advance(56_999);
  expect(states(pool)).toEqual(['ready', 'ready']);
  // The jitter is 5 % with the chance of the fake world.
  await world.clock.advance(1);
  expect(states(pool)).toEqual(['worn', 'worn']);
  expect(world.alive).toHaveLength(3);
  world.alive[2]?.becomeReady();
  world.retirements.shift()?.();
  await world.clock.advance(0);
  world.alive.at(-1)?.becomeReady();
  expect(states(pool)).toEqual(['ready', 'ready']);
  expect(pool.record.lastRecycling).toMatchObject({ reason: 'max_age', detail: 'ready for 57s' });
});

test('another age holds for the workers that are there', async () => {
  const { world, pool } = await running(1, withAge(60_000));
  const age = (maxAgeMs: number | undefined) =>
    pool.apply({ ...pool.configured, lifecycle: { ...pool.configured.lifecycle, maxAgeMs } });
  expect(age(undefined)).toBeUndefined();
  expect(world.clock.pending).toBe(0);
  await world.clock.advance(80_000);
  expect(states(pool)).toEqual(['ready']);
  expect(age(50_000)).toBeUndefined();
  await world.clock.advance(0);
  expect(states(pool)).toEqual(['worn']);
});

const withMemory = (maxBytes: number) => (plan: PoolPlan) => ({
  lifecycle: { ...plan.lifecycle, memory: { maxBytes, measure: 'rss' as const } },
});

test('a worker that has more memory than it may is replaced, whatever it says itself', async () => {
  const { world, pool } = await running(2, withMemory(200 * 1024 ** 2));
  const [heavy, light] = world.alive.map(({ pid }) => pid);
  world.memory.set(heavy ?? 0, 100 * 1024 ** 2).set(light ?? 0, 100 * 1024 ** 2);
  await world.clock.advance(60_000);
  expect(states(pool)).toEqual(['ready', 'ready']);
  world.memory.set(heavy ?? 0, 300 * 1024 ** 2);
  await world.clock.advance(5_000);
  expect(states(pool)).toEqual(['worn', 'ready']);
  world.alive[2]?.becomeReady();
  expect(pool.record.lastRecycling).toMatchObject({
    reason: 'max_memory',
    detail: '300 MB of rss, more than 200M',
  });
});

test('memory is looked at only in a pool that bounds it, and only while it runs', async () => {
  const { world, pool } = await running(1);
  expect(world.clock.pending).toBe(0);
  void pool.apply({ ...pool.configured, ...withMemory(1)(pool.configured) });
  expect(world.clock.pending).toBe(1);
  await world.clock.advance(30_000);
  expect(world.log.of('memory.unknown')).toMatchObject([{ level: 'warn' }]);
  expect(states(pool)).toEqual(['ready']);
  void pool.apply({ ...pool.configured, lifecycle: { ...pool.configured.lifecycle, memory: undefined } });
  await world.clock.advance(5_000);
  expect(world.clock.pending).toBe(0);
});

test('a worn worker of other code than that on disk is replaced by a proven generation', async () => {
  const { world, pool, disk } = await running(2);
  disk.hasChanged = true;
  world.alive[0]?.wearOut();
  expect(pool.generations.list.map(({ phase }) => phase)).toEqual(['live', 'proving']);
  disk.hasChanged = false;
  for (const process of world.alive.slice(2)) process.becomeReady();
  expect(pool.generations.live?.number).toBe(2);
  expect(pool.record.recycled).toBe(1);
});

test('a worn worker goes on serving while its replacement is refused, and is asked for again later', async () => {
  const { world, pool, disk } = await running(2);
  disk.hasChanged = true;
  world.alive[0]?.wearOut();
  world.alive[3]?.exit(1);
  await world.clock.advance(0);
  expect(states(pool)).toEqual(['worn', 'ready']);
  expect(pool.state).toBe('running');
  expect(world.alive).toHaveLength(2);
  await world.clock.advance(29_999);
  expect(world.processes).toHaveLength(4);
  await world.clock.advance(1);
  expect(world.processes).toHaveLength(6);
});

test('a reload that was taken back does not come back for the sake of a worn worker', async () => {
  const { world, pool, disk } = await running(1);
  disk.hasChanged = true;
  void pool.reload();
  expect(pool.takeBack()).toBe(true);
  world.alive[0]?.wearOut();
  await world.clock.advance(600_000);
  expect(states(pool)).toEqual(['worn']);
  expect(world.processes).toHaveLength(2);
});

test('a successor that dies is no death of the pool, which goes on trying', async () => {
  const { world, pool } = await running(1);
  world.alive[0]?.wearOut();
  for (let death = 0; death < 10; death += 1) {
    world.alive[1]?.exit(1);
    expect(pool.state).toBe('running');
    await world.clock.advance(30_000);
  }
  expect(pool.record.deaths).toBe(0);
  world.alive[1]?.becomeReady();
  expect(states(pool)).toEqual(['ready']);
});

test('a worn worker that dies leaves its place to its successor', async () => {
  const { world, pool } = await running(2);
  const [worn] = world.alive;
  worn?.wearOut();
  worn?.exit(1);
  await world.clock.advance(1_000);
  expect(world.alive).toHaveLength(2);
  expect(states(pool)).toEqual(['starting', 'ready']);
});

test('a worker that leaves by itself is replaced at once, and its end is expected', async () => {
  const { world, pool } = await running(2);
  const [leaving] = world.alive;
  leaving?.leave();
  expect(world.alive).toHaveLength(3);
  expect(leaving?.signals).toEqual([]);
  leaving?.exit(0);
  world.alive.at(-1)?.becomeReady();
  expect(states(pool)).toEqual(['ready', 'ready']);
  expect(pool.record).toMatchObject({ recycled: 1, deaths: 0, lastRecycling: { reason: 'request_timeout' } });
});

test('a worker that says that it leaves and stays is told to end after the graceful timeout', async () => {
  const scene = await running(1);
  scene.world.alive[0]?.leave();
  await scene.world.clock.advance(9_999);
  expect(signaled(scene)).toEqual([]);
  await scene.world.clock.advance(1);
  expect(signaled(scene)).toHaveLength(1);
});

test('nobody of other code takes the place of a worker that leaves by itself', async () => {
  const { world, pool, disk } = await running(2);
  disk.hasChanged = true;
  world.alive[0]?.leave();
  expect(states(pool)).toEqual(['failed', 'ready']);
  expect(pool.generations.candidate?.workers).toHaveLength(2);
});
