import { expect, test } from 'vitest';
import { Pool } from '../../../src/pools/pool.ts';
import { type FakeProcess, FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

const plan = fakePoolPlan(2);
/** The next one is there at once. */
const forked = { ...plan, worker: { ...plan.worker, engine: { threads: 1, isPreloaded: true } } };
const request = { method: 'GET', uri: '/crash/', remote: '::1', ageMs: 3, bytes: 0 };

/** A pool of two ready workers, and what the log tells after that. */
async function running() {
  const world = new FakeWorld();
  const pool = new Pool(forked, world.surroundings, () => {});
  pool.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  await world.clock.advance(60_000);
  const before = world.log.lines.length;
  const told = () => world.log.lines.slice(before).filter(({ level }) => level !== 'debug');
  return { world, pool, told, events: () => told().map(({ event }) => event) };
}

function crash(process: FakeProcess | undefined): void {
  if (process === undefined) throw new Error('no worker');
  process.slots = [{ number: 1, request }];
  process.request.onLine('stderr', 'about to crash');
  process.exit(3);
}

test('a crash is told at once, with its reason, last line and request, and then that the next one is ready', async () => {
  const { world, told, events } = await running();
  crash(world.alive[0]);
  await world.clock.advance(0);
  expect(told()).toMatchObject([
    { event: 'worker.output', message: 'about to crash' },
    {
      event: 'worker.died',
      worker: 'site/1',
      message:
        'exited with status 3 after 60 s; its last line was "about to crash"; this cut 1 request: GET /crash/',
      requests: [request],
    },
  ]);
  world.alive.at(-1)?.becomeReady();
  await world.clock.advance(10_000);
  expect(events().slice(2)).toEqual(['worker.ready']);
});

test('thirty crashes in a row, each with a request in hand, are two lines each, whatever the pool is meanwhile', async () => {
  const { world, pool, events } = await running();
  for (let count = 0; count < 30; count += 1) {
    for (const process of world.alive) crash(process);
    await world.clock.advance(20);
    expect(pool.state).toBe('starting');
    for (const process of world.alive) process.becomeReady();
    await world.clock.advance(20);
  }
  expect(pool.record.requests.cut).toBe(60);
  const told = events().filter((event) => event !== 'worker.output');
  expect(told.filter((event) => event === 'worker.died')).toHaveLength(60);
  expect(told.filter((event) => event === 'worker.ready')).toHaveLength(60);
  expect(told).toHaveLength(120);
});

test.each([
  ['degraded', 1],
  ['starting', 2],
] as const)('a pool that stays %s is told of, and that it is running again', async (state, crashes) => {
  const { world, events } = await running();
  for (const process of world.alive.slice(0, crashes)) process.exit(3);
  await world.clock.advance(0);
  await world.clock.advance(999);
  expect(events()).not.toContain(`pool.${state}`);
  await world.clock.advance(1);
  expect(events().at(-1)).toBe(`pool.${state}`);
  for (const process of world.alive) process.becomeReady();
  await world.clock.advance(0);
  expect(events().at(-1)).toBe('pool.running');
});

test('a pool that fails, or is stopped, while it is not running for a moment is told of at once, and of nothing else', async () => {
  const { world, pool, events } = await running();
  crash(world.alive[0]);
  await world.clock.advance(10);
  pool.stop();
  await world.clock.advance(0);
  expect(events().at(-1)).toBe('pool.stopping');
  pool.kill();
  await world.clock.advance(5_000);
  expect(events().filter((event) => event.startsWith('pool.'))).toEqual([
    'pool.asked-to-stop',
    'pool.stopping',
    'pool.killed',
    'pool.stopped',
  ]);
});

test('requests that an end cuts which was asked for are told by themselves', async () => {
  const { world, pool, events } = await running();
  const [process] = world.alive;
  if (process !== undefined) process.slots = [{ number: 1, request }];
  pool.kill();
  await world.clock.advance(50);
  expect(events()).toContain('requests.cut');
  expect(events()).not.toContain('worker.died');
});
