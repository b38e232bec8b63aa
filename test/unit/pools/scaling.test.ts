import { expect, test } from 'vitest';
import type { Plan, PoolPlan } from '../../../src/plan/plan.ts';
import type { PoolOutcome } from '../../../src/pools/commands.ts';
import { Supervisor } from '../../../src/pools/supervisor.ts';
import { FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

interface Scene {
  readonly world: FakeWorld;
  readonly supervisor: Supervisor;
  /** What `scale` has answered. */
  readonly outcomes: PoolOutcome[];
  readonly progress: string[];
}

/** A pool of four workers, scaled to two; nobody lets a worker have a moment without a connection. */
async function shrinking(change: Partial<PoolPlan> = {}): Promise<Scene> {
  const world = new FakeWorld();
  const plan = { daemon: {} as Plan['daemon'], pools: [{ ...fakePoolPlan(4), ...change }], refused: [] };
  const supervisor = new Supervisor(plan, {
    ...world.surroundings,
    describeDaemon: () => {
      throw new Error('nobody asks');
    },
    measure: () => Promise.resolve(new Map()),
    readPlan: () => Promise.resolve(plan),
    watchAddresses: () => ({ follow: () => {}, close: () => {} }),
  });
  supervisor.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  const scene: Scene = { world, supervisor, outcomes: [], progress: [] };
  void supervisor
    .scale('site', 2, ({ message }) => scene.progress.push(message))
    .then((outcomes) => scene.outcomes.push(...outcomes));
  await world.clock.advance(0);
  return scene;
}

const gracefulTimeoutMs = fakePoolPlan(1).lifecycle.gracefulTimeoutMs;

test('it is true when those that are too many have left', async () => {
  const { world, outcomes, progress } = await shrinking();
  expect(world.retirements).toHaveLength(2);
  world.retirements[0]?.();
  await world.clock.advance(0);
  expect(outcomes).toEqual([]);
  expect(progress).toEqual(['2 of 2 workers ready, 2 leaving', '2 of 2 workers ready, 1 leaving']);
  world.retirements[1]?.();
  await world.clock.advance(0);
  expect(outcomes).toMatchObject([{ isDone: true, message: 'running with 2 workers' }]);
});

test('without a moment for them to leave at, the pool switches to as many new workers, and nobody is cut', async () => {
  const { world, outcomes } = await shrinking();
  const before = [...world.alive];
  await world.clock.advance(gracefulTimeoutMs);
  expect(world.processes).toHaveLength(6);
  expect(before.flatMap(({ signals }) => signals)).toEqual([]);
  for (const process of world.alive.slice(4)) process.becomeReady();
  await world.clock.advance(0);
  expect(outcomes).toMatchObject([
    {
      isDone: true,
      message:
        'running with 2 workers; they are new ones (generation 2): the others had no moment to leave at',
    },
  ]);
  await world.clock.advance(15_000);
  expect(before.flatMap(({ signals }) => signals)).toEqual([]);
  world.inHand = 0;
  world.drains[0]?.finish();
  expect(before.map(({ signals }) => signals)).toEqual(Array(4).fill(['SIGTERM']));
  expect(world.log.of('worker.cut')).toEqual([]);
});

test('what finds its moment while new workers are proven goes, and the reload goes on', async () => {
  const { world, outcomes } = await shrinking();
  await world.clock.advance(gracefulTimeoutMs);
  for (const retire of world.retirements) retire();
  await world.clock.advance(0);
  expect(world.alive).toHaveLength(4);
  expect(outcomes).toMatchObject([{ isDone: true, message: 'running with 2 workers' }]);
});

test('only when that reload is refused they are told to end, and how many connections were cut is said', async () => {
  const { world, outcomes } = await shrinking();
  const tooMany = world.alive.slice(2);
  await world.clock.advance(gracefulTimeoutMs);
  world.alive.at(-1)?.exit(1);
  await world.clock.advance(0);
  expect(tooMany.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM']]);
  expect(world.log.of('worker.cut')).toMatchObject([{ connections: 1 }, { connections: 1 }]);
  for (const process of tooMany) process.exit(0);
  await world.clock.advance(0);
  expect(outcomes).toMatchObject([
    {
      isDone: true,
      message: 'running with 2 workers; 2 workers were told to end with 2 connections in hand',
    },
  ]);
});

test('a reload that is taken back leaves them to their stop signal', async () => {
  const { world, supervisor } = await shrinking();
  const tooMany = world.alive.slice(2);
  await world.clock.advance(gracefulTimeoutMs);
  await supervisor.takeBack(['site']);
  await world.clock.advance(0);
  expect(tooMany.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM']]);
});

test('a stop meanwhile lets them finish with the others', async () => {
  const { world, supervisor } = await shrinking();
  const all = [...world.alive];
  await world.clock.advance(gracefulTimeoutMs);
  void supervisor.run('stop', ['site'], () => {});
  await world.clock.advance(8_000);
  expect(all.flatMap(({ signals }) => signals)).toEqual([]);
  world.drains[0]?.finish();
  expect(all.map(({ signals }) => signals)).toEqual(Array(4).fill(['SIGTERM']));
});

test.each<[string, Partial<PoolPlan>]>([
  ['the socket is shared', { reload: { ...fakePoolPlan(4).reload, mode: 'rolling' } }],
  ['the program finishes what it has', { lifecycle: { ...fakePoolPlan(4).lifecycle, retirement: 'signal' } }],
])('nobody is replaced where %s', async (_, change) => {
  const { world } = await shrinking(change);
  const tooMany = world.alive.slice(2);
  await world.clock.advance(gracefulTimeoutMs);
  expect(world.processes).toHaveLength(4);
  expect(tooMany.every(({ signals }) => signals.at(-1) === 'SIGTERM')).toBe(true);
});
