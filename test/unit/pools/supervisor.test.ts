import { expect, test } from 'vitest';
import type { Plan, PoolPlan } from '../../../src/plan/plan.ts';
import { Supervisor } from '../../../src/pools/supervisor.ts';
import { FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

const daemon: Plan['daemon'] = {
  configFiles: [],
  runtimeDir: '/run',
  controlSocket: '/run/control.sock',
  controlMode: 0o600,
  pidfile: '/run/pid',
  log: { level: 'info', file: undefined, format: 'auto' },
};

function planOf(...pools: readonly PoolPlan[]): Plan {
  return { daemon, pools, refused: [] };
}

function supervisorOf(world: FakeWorld, plan: Plan, readPlan: () => Promise<Plan>): Supervisor {
  return new Supervisor(plan, {
    ...world.surroundings,
    describeDaemon: () => {
      throw new Error('nobody asks');
    },
    measure: () => Promise.resolve(new Map()),
    readPlan,
    watchAddresses: () => ({ follow: () => {}, close: () => {} }),
  });
}

async function running(plan: Plan, readPlan = () => Promise.resolve(plan)) {
  const world = new FakeWorld();
  const supervisor = supervisorOf(world, plan, readPlan);
  supervisor.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  return { world, supervisor };
}

test('a daemon that is told to end while it reads the configuration starts no pool of it any more', async () => {
  const plan = planOf(fakePoolPlan(1));
  let answer: (plan: Plan) => void = () => {};
  const reading = new Promise<Plan>((resolve) => {
    answer = resolve;
  });
  const { world, supervisor } = await running(plan, () => reading);
  const reconfigured = supervisor.reconfigure(() => {});
  const ended = supervisor.shutDown('stop', () => {});
  answer(planOf(...plan.pools, { ...fakePoolPlan(1), name: 'added' }));
  await expect(reconfigured).rejects.toThrow('shutting down');
  for (const { finish } of [...world.drains]) finish();
  for (const process of world.alive) process.exit(0);
  await ended;
  expect(world.processes).toHaveLength(1);
});

test('a reload of all pools leaves a pool alone that is still being stopped', async () => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)));
  const stopped = supervisor.run('stop', ['site'], () => {});
  expect(await supervisor.run('reload', 'all', () => {})).toEqual([]);
  for (const { finish } of [...world.drains]) finish();
  for (const process of world.alive) process.exit(0);
  expect(await stopped).toMatchObject([{ isDone: true, state: 'stopped' }]);
  expect(world.processes).toHaveLength(1);
});

test('what a command has made true is its outcome, and no progress as well', async () => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)));
  const progress: string[] = [];
  const stopped = supervisor.run('stop', ['site'], ({ message }) => progress.push(message));
  for (const { finish } of [...world.drains]) finish();
  await world.clock.advance(0);
  for (const process of world.alive) process.exit(0);
  expect(await stopped).toMatchObject([{ isDone: true, message: 'stopped' }]);
  expect(progress).toEqual(['stopping: 1 process left, killed in 10s at the latest']);
});

test('a pool that is being stopped is not started by a reload of it', async () => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)));
  void supervisor.run('stop', ['site'], () => {});
  const outcomes = await supervisor.run('reload', ['site'], () => {});
  expect(outcomes).toMatchObject([{ isDone: false, state: 'stopping' }]);
  expect(world.published.size).toBe(0);
});

test('a pool whose new configuration has problems goes on, and status says so until they are gone', async () => {
  const plan = planOf(fakePoolPlan(1));
  let next: Plan = { daemon, pools: [], refused: [{ name: 'site', problems: ['site.toml:3: workers: …'] }] };
  const world = new FakeWorld();
  const supervisor = new Supervisor(plan, {
    ...world.surroundings,
    describeDaemon: () => ({}) as never,
    measure: () => Promise.resolve(new Map()),
    readPlan: () => Promise.resolve(next),
    watchAddresses: () => ({ follow: () => {}, close: () => {} }),
  });
  supervisor.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  expect(await supervisor.reconfigure(() => {})).toMatchObject({
    outcomes: [{ pool: 'site', isDone: false, isMisconfigured: true }],
    notes: [],
  });
  expect((await supervisor.status()).pools).toMatchObject([
    { name: 'site', state: 'running', refusedReload: { output: ['site.toml:3: workers: …'] } },
  ]);
  next = plan;
  await supervisor.reconfigure(() => {});
  expect((await supervisor.status()).pools).toMatchObject([{ state: 'running', refusedReload: null }]);
});

test('a renamed pool takes the address over when the old name has let go of it', async () => {
  const renamed = planOf({ ...fakePoolPlan(1), name: 'renamed' });
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)), () => Promise.resolve(renamed));
  const [old] = world.alive;
  const reconfigured = supervisor.reconfigure(() => {});
  await world.clock.advance(0);
  expect(world.alive).toEqual([old]);
  world.drains[0]?.finish();
  old?.exit(0);
  await world.clock.advance(0);
  world.alive[0]?.becomeReady();
  expect((await reconfigured).outcomes).toMatchObject([
    { pool: 'site', isDone: true },
    { pool: 'renamed', isDone: true, state: 'running' },
  ]);
});

test('settings of the daemon that have changed are told, and new files with pools are none', async () => {
  const plan = planOf(fakePoolPlan(1));
  let next: Plan = { ...plan, daemon: { ...daemon, configFiles: ['/etc/pools.d/new.toml'] } };
  const { supervisor } = await running(plan, () => Promise.resolve(next));
  expect(await supervisor.reconfigure(() => {})).toEqual({ outcomes: [], notes: [] });
  next = { ...plan, daemon: { ...daemon, log: { ...daemon.log, level: 'debug' } } };
  expect(await supervisor.reconfigure(() => {})).toEqual({
    outcomes: [],
    notes: ['settings in [daemon] have changed: they count from the next start'],
  });
});

test.each([
  ['stop', ['site']],
  ['shutDown', 'all'],
] as const)('a %s that waits for a request returns when the pool is killed', async (how, names) => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)));
  const [process] = world.alive;
  const stopped =
    how === 'stop' ? supervisor.run('stop', names, () => {}) : supervisor.shutDown('stop', () => {});
  await world.clock.advance(2_000);
  expect(process).toMatchObject({ isAlive: true, signals: [] });
  const progress: string[] = [];
  const killed = supervisor.run('kill', names, ({ message }) => progress.push(message));
  await world.clock.advance(50);
  const outcome = { pool: 'site', isDone: true, state: 'stopped', message: 'stopped' };
  expect([await stopped, await killed]).toMatchObject([[outcome], [outcome]]);
  expect(process?.isAlive).toBe(false);
  expect(world.log.of('pool.killed')).toHaveLength(1);
});

test('to kill a pool that does not run changes nothing', async () => {
  const { world, supervisor } = await running(planOf({ ...fakePoolPlan(1), isAutostarted: false }));
  expect(await supervisor.run('kill', 'all', () => {})).toMatchObject([{ isDone: true, message: 'stopped' }]);
  expect(world.log.of('pool.killed')).toEqual([]);
});

test('a hard restart starts each pool as soon as it has stopped; the slowest keeps no other down', async () => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1), { ...fakePoolPlan(1), name: 'slow' }));
  const [site, slow] = world.alive;
  const restarted = supervisor.restartHard('all', 'stop', () => {});
  for (const { finish } of [...world.drains]) finish();
  site?.exit(0);
  await world.clock.advance(0);
  expect(world.alive).toHaveLength(2);
  expect(slow?.isAlive).toBe(true);
  slow?.exit(0);
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  expect(await restarted).toMatchObject([
    { pool: 'site', isDone: true, state: 'running' },
    { pool: 'slow', isDone: true, state: 'running' },
  ]);
});

test.each(['stop', 'kill'] as const)(
  'a hard restart by %s of a pool that cannot be started fails',
  async (by) => {
    const refused = [{ name: 'site', problems: ['site.toml:3: workers: …'] }];
    const { supervisor } = await running({ ...planOf(), refused });
    expect(await supervisor.restartHard('all', by, () => {})).toMatchObject([
      { pool: 'site', isDone: false, message: 'its configuration has problems' },
    ]);
  },
);

test.each(['stop', 'kill'] as const)('a %s during a hard restart is the last word', async (verb) => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)));
  const restarted = supervisor.restartHard(['site'], 'stop', () => {});
  const stopped = supervisor.run(verb, ['site'], () => {});
  for (const { finish } of [...world.drains]) finish();
  for (const process of world.alive) process.exit(0);
  expect(await stopped).toMatchObject([{ isDone: true, message: 'stopped' }]);
  expect(await restarted).toMatchObject([
    {
      isDone: false,
      state: 'stopped',
      message: 'stopped, and not started again: a stop was asked for meanwhile',
    },
  ]);
  await world.clock.advance(60_000);
  expect(world.processes).toHaveLength(1);
});

test('a hard restart that is hastened by another brings the pool back once, and both say so', async () => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)));
  const patient = supervisor.restartHard(['site'], 'stop', () => {});
  const hasty = supervisor.restartHard(['site'], 'kill', () => {});
  await world.clock.advance(50);
  expect(world.processes).toHaveLength(2);
  for (const process of world.alive) process.becomeReady();
  const isRunning = [{ isDone: true, state: 'running', message: 'running with 1 worker' }];
  expect([await patient, await hasty]).toMatchObject([isRunning, isRunning]);
});

test('a hard restart of a pool that is started meanwhile fails, and leaves it running', async () => {
  const { world, supervisor } = await running(planOf(fakePoolPlan(1)));
  const restarted = supervisor.restartHard(['site'], 'stop', () => {});
  const started = supervisor.run('start', ['site'], () => {});
  for (const { finish } of [...world.drains]) finish();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  expect(await started).toMatchObject([{ isDone: true, state: 'running' }]);
  expect(await restarted).toMatchObject([{ isDone: false, message: expect.stringContaining('started') }]);
});
