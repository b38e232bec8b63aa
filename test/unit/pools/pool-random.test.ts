import { expect, test } from 'vitest';
import { isOneSocket, parseListenAddress } from '../../../src/config/address.ts';
import type { PoolPlan } from '../../../src/plan/plan.ts';
import { Pool } from '../../../src/pools/pool.ts';
import { type FakeProcess, FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';
import { generator } from '../../helpers/random.ts';

const rounds = 150;
const steps = 60;

/** What may happen to a pool: the operator's verbs, the life and death of processes, and time. */
const happenings: Record<string, (scene: Scene) => Promise<void> | void> = {
  start: ({ pool }) => pool.start(),
  stop: ({ pool }) => pool.stop(),
  kill: ({ pool }) => pool.kill(),
  reload: ({ pool }) => void pool.reload(),
  'a reload is taken back': ({ pool }) => void pool.takeBack(),
  scale: ({ pool, random }) => void pool.scale(1 + Math.floor(random() * 5)),
  'a timeout is configured': (scene) => apply(scene, ({ lifecycle }) => ({ lifecycle: longer(lifecycle) })),
  'other code is configured': (scene) => apply(scene, ({ worker }) => ({ worker: newer(worker) })),
  'another surge is configured': (scene) =>
    apply(scene, ({ reload }) => ({ reload: { ...reload, surge: 1 + Math.floor(scene.random() * 4) } })),
  'another address is configured': (scene) => apply(scene, () => listenOn(anAddress(scene.random))),
  'a worker becomes ready': (scene) => oneOf(scene)?.becomeReady(),
  'all workers become ready': ({ world }) => {
    for (const process of world.alive) process.becomeReady();
  },
  'a worker reaches a limit': (scene) => expectNoFewer(scene, () => oneOf(scene)?.wearOut()),
  'a worker is over its memory': (scene) =>
    expectNoFewer(scene, () => oneOf(scene)?.wearOut('max_memory', '1 GB')),
  'a worker leaves by itself': (scene) => oneOf(scene)?.leave(),
  'another age is configured': (scene) =>
    apply(scene, ({ lifecycle }) => ({
      lifecycle: {
        ...lifecycle,
        maxAgeMs: scene.random() < 0.3 ? undefined : 5_000 + scene.random() * 60_000,
      },
    })),
  'a worker exits': (scene) => oneOf(scene)?.exit(scene.random() < 0.5 ? 0 : 1),
  'a worker is killed': (scene) => oneOf(scene)?.end({ kind: 'signaled', signal: 'SIGKILL' }),
  'a drain ends': ({ world }) => world.drains[0]?.finish(),
  'a worker is caught without a connection': ({ world, random }) =>
    world.retirements.splice(Math.floor(random() * world.retirements.length), 1)[0]?.(),
  'a moment passes': ({ world, random }) => world.clock.advance(random() * 500),
  'a while passes': ({ world, random }) => world.clock.advance(random() * 40_000),
};

interface Scene {
  readonly world: FakeWorld;
  readonly pool: Pool;
  readonly random: () => number;
}

/** A limit that is reached takes no worker away from those that serve. */
function expectNoFewer({ pool }: Scene, happens: () => void): void {
  const before = countServing(pool);
  happens();
  expect(countServing(pool)).toBeGreaterThanOrEqual(before);
}

function countServing({ generations: { live, yielding } }: Pool): number {
  const workers = [...(live?.workers ?? []), ...yielding];
  return workers.filter(({ state }) => state.name === 'ready' || state.name === 'worn').length;
}

function oneOf({ world, random }: Scene): FakeProcess | undefined {
  return world.alive[Math.floor(random() * world.alive.length)];
}

function apply({ pool }: Scene, change: (plan: PoolPlan) => Partial<PoolPlan>): void {
  void pool.apply({ ...pool.configured, ...change(pool.configured) });
}

function longer(lifecycle: PoolPlan['lifecycle']): PoolPlan['lifecycle'] {
  return { ...lifecycle, drainTimeoutMs: lifecycle.drainTimeoutMs + 1_000 };
}

function newer(worker: PoolPlan['worker']): PoolPlan['worker'] {
  return { ...worker, argv: [worker.argv[0], ...worker.argv.slice(1), 'newer'] };
}

const addresses = ['unix:/run/a.sock', 'unix:/run/b.sock', 'systemd:site', 'unix:@site', '127.0.0.1:9000'];

function anAddress(random: () => number): string {
  return addresses[Math.floor(random() * addresses.length)] ?? '';
}

/** As plan/resolve-pool.ts has it: an address that belongs to one socket makes the pool roll. */
function listenOn(text: string, isRolling = false): Partial<PoolPlan> {
  const { listen, reload } = fakePoolPlan(1);
  const address = parseListenAddress(text, '/');
  const mode = isRolling || isOneSocket(address) ? 'rolling' : 'switch';
  return { listen: listen.map((plan) => ({ ...plan, address })), reload: { ...reload, mode } };
}

function aPlan(random: () => number): PoolPlan {
  const workers = 1 + Math.floor(random() * 4);
  const plan = { ...fakePoolPlan(workers), ...listenOn(anAddress(random), random() < 0.5) };
  const surge = random() < 0.5 ? 1 : workers;
  return { ...plan, reload: { ...plan.reload, surge } };
}

function expectInvariants({ world, pool }: Scene): void {
  const { list, live } = pool.generations;
  expect(list.filter(({ phase }) => phase === 'live').length).toBeLessThanOrEqual(1);
  expect(list.filter(({ phase }) => phase === 'proving').length).toBeLessThanOrEqual(1);
  const socket = live?.sockets[0];
  expect(socket?.endpoint.isPublished(socket) ?? true).toBe(true);
  // An address that can be withdrawn leads to the live generation or nowhere.
  for (const published of world.published.values()) expect(published).toBe(socket);
  const owned = new Set(list.flatMap(({ sockets }) => sockets));
  expect(world.openSockets).toEqual(owned);
  const held = new Set(list.flatMap(({ present }) => present.map((worker) => worker.pid)));
  for (const process of world.alive) expect(held).toContain(process.pid);
}

test('whatever happens in whatever order, there is one live generation at most and nothing leaks', async () => {
  const random = generator(12);
  const names = Object.keys(happenings);
  for (let round = 0; round < rounds; round += 1) {
    const world = new FakeWorld();
    const pool = new Pool(aPlan(random), world.surroundings, () => {});
    const scene = { world, pool, random };
    const story: string[] = [];
    for (let step = 0; step < steps; step += 1) {
      const name = names[Math.floor(random() * names.length)] ?? '';
      story.push(name);
      try {
        await happenings[name]?.(scene);
        await world.clock.advance(0);
        expectInvariants(scene);
      } catch (error) {
        throw new Error(`round ${round}: ${story.join(', ')}`, { cause: error });
      }
    }
    await expectWork(scene, story);
    await expectRest(scene, story);
  }
}, 300_000);

/** With workers that become ready, a pool always gets to run with as many as are wanted, all of one generation. */
async function expectWork(scene: Scene, story: readonly string[]): Promise<void> {
  const { world, pool } = scene;
  // Workers that grow old are replaced for ever.
  apply(scene, ({ lifecycle }) => ({ lifecycle: { ...lifecycle, maxAgeMs: undefined } }));
  // A change that was refused is tried again when somebody asks for it.
  void pool.reload();
  for (let step = 0; step < 60; step += 1) {
    for (const process of world.alive) process.becomeReady();
    for (const retire of world.retirements.splice(0)) retire();
    for (const { finish } of [...world.drains]) finish();
    await world.clock.advance(10_000);
  }
  const { list, live } = pool.generations;
  const what = `after ${story.join(', ')}`;
  expect([pool.state, list.length], what).toEqual(['running', 1]);
  expect(live?.workers.length, what).toBe(pool.plan.workers);
  expect(world.alive.length, what).toBe(pool.plan.workers);
  expect(live?.plan.worker, what).toEqual(pool.plan.worker);
  expect(live?.plan.listen, what).toEqual(pool.plan.listen);
}

/** A stop always ends with nothing left. */
async function expectRest({ world, pool }: Scene, story: readonly string[]): Promise<void> {
  const what = `after ${story.join(', ')}`;
  pool.stop();
  for (let step = 0; step < 20 && pool.state !== 'stopped'; step += 1) await world.clock.advance(20_000);
  expect(pool.state, what).toBe('stopped');
  expect(world.alive, what).toEqual([]);
  expect(world.openSockets.size, what).toBe(0);
  expect(world.published.size, what).toBe(0);
  expect(world.clock.pending, what).toBe(0);
}
