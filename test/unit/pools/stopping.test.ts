import { expect, test } from 'vitest';
import type { LifecyclePlan, PoolPlan } from '../../../src/plan/plan.ts';
import { stopDeadlines } from '../../../src/plan/stop-deadlines.ts';
import { Pool } from '../../../src/pools/pool.ts';
import { snapshotPool } from '../../../src/pools/pool-snapshot.ts';
import { progressOf } from '../../../src/pools/verdict.ts';
import { type FakeProcess, FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

const plan = fakePoolPlan(1);
const shared: PoolPlan = {
  ...plan,
  listen: plan.listen.map((listen) => ({ ...listen, address: { kind: 'fd', fd: 0 } as const })),
  reload: { ...plan.reload, mode: 'rolling' },
};

/** A pool of one worker that has a request in hand which does not end. */
async function hanging(poolPlan: PoolPlan): Promise<{ world: FakeWorld; pool: Pool; process: FakeProcess }> {
  const world = new FakeWorld();
  const pool = new Pool(poolPlan, world.surroundings, () => {});
  pool.start();
  await world.clock.advance(0);
  const [process] = world.alive;
  if (process === undefined) throw new Error('no worker');
  process.becomeReady();
  const request = { method: 'GET', uri: '/hang/', remote: '', ageMs: 1, bytes: 0 };
  process.slots = [{ number: 1, request }];
  return { world, pool, process };
}

function withTimes(times: Partial<LifecyclePlan>, base = plan): PoolPlan {
  return { ...base, lifecycle: { ...base.lifecycle, ...times } };
}

test.each([
  [30_000, 60_000, { drainByMs: 27_100, endByMs: 30_100 }],
  [30_000, 5_000, { drainByMs: 5_100, endByMs: 30_100 }],
  [0, 60_000, { drainByMs: 100, endByMs: 100 }],
])(
  'a stop with %s ms of grace and %s ms to drain ends at its graceful timeout',
  (graceful, drain, deadlines) => {
    expect(stopDeadlines({ gracefulTimeoutMs: graceful, drainTimeoutMs: drain }, 100)).toEqual(deadlines);
  },
);

test.each([
  ['an address that can be withdrawn', plan],
  ['a socket that stays', shared],
])('a request that hangs holds a stop up for the graceful timeout and no longer (%s)', async (_, base) => {
  const { world, pool, process } = await hanging(
    withTimes({ gracefulTimeoutMs: 10_000, drainTimeoutMs: 60_000 }, base),
  );
  process.isSlowToDie = true;
  pool.stop();
  await world.clock.advance(8_999);
  expect(process.signals).toEqual([]);
  await world.clock.advance(1);
  expect(process.signals).toEqual(['SIGTERM']);
  process.isSlowToDie = false;
  await world.clock.advance(999);
  expect(pool.state).toBe('stopping');
  await world.clock.advance(1);
  expect(pool.state).toBe('stopped');
});

test('a stop said twice takes no longer, and one after a new start begins anew', async () => {
  const { world, pool } = await hanging(withTimes({ gracefulTimeoutMs: 10_000 }));
  pool.stop();
  await world.clock.advance(6_000);
  pool.stop();
  await world.clock.advance(4_000);
  expect(pool.state).toBe('stopped');
  pool.start();
  await world.clock.advance(0);
  world.alive[0]?.becomeReady();
  pool.stop();
  await world.clock.advance(8_000);
  expect(pool.state).toBe('stopping');
});

test('a generation that drains already when its pool is stopped ends with it', async () => {
  const { world, pool, process } = await hanging(
    withTimes({ gracefulTimeoutMs: 10_000, drainTimeoutMs: 60_000 }),
  );
  void pool.reload();
  await world.clock.advance(0);
  world.alive[1]?.becomeReady();
  await world.clock.advance(20_000);
  expect(process.signals).toEqual([]);
  pool.stop();
  await world.clock.advance(10_000);
  expect(process.isAlive).toBe(false);
  expect(pool.state).toBe('stopped');
});

test.each(['signal', 'finish'] as const)(
  'what a worker leaves behind that dies during a stop does not outlast the stop (orphans: %s)',
  async (orphans) => {
    const { world, pool, process } = await hanging(withTimes({ gracefulTimeoutMs: 10_000, orphans }));
    process.strays = [{ pid: 4711, startTime: 1 }];
    pool.stop();
    await world.clock.advance(8_000);
    process.exit(1);
    await world.clock.advance(1_900);
    expect(pool.state).toBe('stopping');
    await world.clock.advance(150);
    expect(process.strays).toEqual([]);
    expect(pool.state).toBe('stopped');
  },
);

test('who waits for a stop is told what it waits for and until when, and its workers are shown as draining', async () => {
  const { world, pool } = await hanging(withTimes({ gracefulTimeoutMs: 10_000 }));
  const snapshot = () => snapshotPool(pool, new Map(), world.clock);
  expect([snapshot().workers[0]?.state, snapshot().killInMs]).toEqual(['ready', null]);
  pool.stop();
  await world.clock.advance(2_000);
  expect(snapshot()).toMatchObject({ state: 'stopping', killInMs: 8_000, workers: [{ state: 'draining' }] });
  expect(progressOf(snapshot())).toBe(
    'stopping: 1 process left with GET /hang/ in hand, killed in 8s at the latest',
  );
  expect(world.log.of('pool.asked-to-stop')).toMatchObject([{ gracefulTimeoutMs: 10_000 }]);
  await world.clock.advance(7_000);
  expect(snapshot()).toMatchObject({ killInMs: 1_000, workers: [{ state: 'stopping' }] });
});

test('a pool that is killed is not said to have time to finish', async () => {
  const { world, pool, process } = await hanging(plan);
  pool.kill();
  await world.clock.advance(50);
  expect([process.isAlive, pool.state]).toEqual([false, 'stopped']);
  expect(world.log.of('pool.asked-to-stop')).toEqual([]);
});

test('a worker that was replaced is shown as draining while it finishes what it has', async () => {
  const { world, pool } = await hanging(plan);
  void pool.reload();
  await world.clock.advance(0);
  world.alive[1]?.becomeReady();
  const { workers } = snapshotPool(pool, new Map(), world.clock);
  expect(workers.map(({ state, generation }) => [generation, state])).toEqual([
    [1, 'draining'],
    [2, 'ready'],
  ]);
});

test('a pool that is killed while its stop waits ends at once, and says so as long as something is left', async () => {
  const { world, pool, process } = await hanging(withTimes({ gracefulTimeoutMs: 10_000 }));
  process.isSlowToDie = true;
  pool.stop();
  await world.clock.advance(2_000);
  pool.kill();
  const snapshot = snapshotPool(pool, new Map(), world.clock);
  expect(snapshot).toMatchObject({ killInMs: 0, workers: [{ state: 'killing' }] });
  expect(progressOf(snapshot)).toBe('stopping: 1 process left with GET /hang/ in hand, being killed');
  process.isSlowToDie = false;
  await world.clock.advance(1_050);
  expect([process.isAlive, pool.state]).toEqual([false, 'stopped']);
});

test('a pool that was killed has all its time to stop when it was started again', async () => {
  const { world, pool } = await hanging(withTimes({ gracefulTimeoutMs: 10_000 }));
  pool.kill();
  await world.clock.advance(50);
  pool.start();
  await world.clock.advance(0);
  world.alive[0]?.becomeReady();
  pool.stop();
  await world.clock.advance(8_000);
  expect(pool.state).toBe('stopping');
});

test('killing a pool ends also what drains after a reload, and a candidate', async () => {
  const { world, pool } = await hanging(withTimes({ drainTimeoutMs: 60_000 }));
  void pool.reload();
  await world.clock.advance(0);
  world.alive[1]?.becomeReady();
  void pool.reload();
  await world.clock.advance(0);
  expect(pool.generations.list.map(({ phase }) => phase)).toEqual(['draining', 'live', 'proving']);
  pool.kill();
  await world.clock.advance(50);
  expect([world.alive, pool.state]).toEqual([[], 'stopped']);
});
