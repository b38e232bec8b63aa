import { expect, test } from 'vitest';
import { Pool } from '../../../src/pools/pool.ts';
import { type FakeProcess, FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';
import { generator } from '../../helpers/random.ts';

/** What may happen to a pool: the operator's verbs, the life and death of processes, and time. */
const happenings: Record<string, (scene: Scene) => Promise<void> | void> = {
  start: ({ pool }) => pool.start(),
  stop: ({ pool }) => pool.stop(),
  kill: ({ pool }) => pool.kill(),
  reload: ({ pool }) => void pool.reload(),
  'a worker becomes ready': (scene) => oneOf(scene)?.becomeReady(),
  'all workers become ready': ({ world }) => {
    for (const process of world.alive) process.becomeReady();
  },
  'a worker exits': (scene) => oneOf(scene)?.exit(scene.random() < 0.5 ? 0 : 1),
  'a worker is killed': (scene) => oneOf(scene)?.end({ kind: 'signaled', signal: 'SIGKILL' }),
  'a drain ends': ({ world }) => world.drains[0]?.finish(),
  'a moment passes': ({ world, random }) => world.clock.advance(random() * 500),
  'a while passes': ({ world, random }) => world.clock.advance(random() * 40_000),
};

interface Scene {
  readonly world: FakeWorld;
  readonly pool: Pool;
  readonly random: () => number;
}

function oneOf({ world, random }: Scene): FakeProcess | undefined {
  return world.alive[Math.floor(random() * world.alive.length)];
}

function expectInvariants({ world, pool }: Scene): void {
  const { list, live } = pool.generations;
  expect(list.filter(({ phase }) => phase === 'live').length).toBeLessThanOrEqual(1);
  expect(list.filter(({ phase }) => phase === 'proving').length).toBeLessThanOrEqual(1);
  const [published] = world.published.values();
  expect(published).toBe(live?.sockets[0]);
  const owned = new Set(list.flatMap(({ sockets }) => sockets));
  expect(world.openSockets).toEqual(owned);
  const held = new Set(list.flatMap(({ workers }) => workers.map((worker) => worker.pid)));
  for (const process of world.alive) expect(held).toContain(process.pid);
}

test('whatever happens in whatever order, there is one live generation at most and nothing leaks', async () => {
  const random = generator(12);
  const names = Object.keys(happenings);
  for (let round = 0; round < 150; round += 1) {
    const world = new FakeWorld();
    const pool = new Pool(fakePoolPlan(1 + Math.floor(random() * 3)), world.surroundings, () => {});
    const scene = { world, pool, random };
    const story: string[] = [];
    for (let step = 0; step < 60; step += 1) {
      const name = names[Math.floor(random() * names.length)] ?? '';
      story.push(name);
      await happenings[name]?.(scene);
      await world.clock.advance(0);
      try {
        expectInvariants(scene);
      } catch (error) {
        throw new Error(`round ${round}: ${story.join(', ')}`, { cause: error });
      }
    }
    await expectRest(scene);
  }
});

/** A stop always ends with nothing left. */
async function expectRest({ world, pool }: Scene): Promise<void> {
  pool.stop();
  for (let step = 0; step < 20 && pool.state !== 'stopped'; step += 1) await world.clock.advance(20_000);
  expect(pool.state).toBe('stopped');
  expect(world.alive).toEqual([]);
  expect(world.openSockets.size).toBe(0);
  expect(world.published.size).toBe(0);
  expect(world.clock.pending).toBe(0);
}
