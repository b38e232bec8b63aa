import { expect, test } from 'vitest';
import { RunfcgidError } from '../../../src/errors.ts';
import type { PoolPlan } from '../../../src/plan/plan.ts';
import { Pool } from '../../../src/pools/pool.ts';
import { type FakeProcess, FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

function poolOf(workers: number): { world: FakeWorld; pool: Pool } {
  const world = new FakeWorld();
  return { world, pool: new Pool(fakePoolPlan(workers), world.surroundings, () => {}) };
}

async function running(workers: number): Promise<{ world: FakeWorld; pool: Pool }> {
  const { world, pool } = poolOf(workers);
  pool.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  expect(pool.state).toBe('running');
  return { world, pool };
}

/** A started pool of one worker. */
function crashable(engine: PoolPlan['worker']['engine']): { world: FakeWorld; pool: Pool } {
  const world = new FakeWorld();
  const plan = fakePoolPlan(1);
  const pool = new Pool({ ...plan, worker: { ...plan.worker, engine } }, world.surroundings, () => {});
  pool.start();
  return { world, pool };
}

function crashIn(process: FakeProcess | undefined, uri: string): void {
  if (process === undefined) throw new Error('no worker');
  process.slots = [{ number: 1, request: { method: 'GET', uri, remote: '', ageMs: 1, bytes: 0 } }];
  process.exit(3);
}

test('the address is published before the workers are up, so that requests wait', () => {
  const { world, pool } = poolOf(2);
  pool.start();
  expect(world.published.size).toBe(1);
  expect(pool.state).toBe('starting');
  expect(world.alive).toHaveLength(2);
});

test('a worker that dies after a good while is replaced at once, on the same socket', async () => {
  const { world, pool } = await running(2);
  await world.clock.advance(5_000);
  const [first] = world.alive;
  first?.end({ kind: 'signaled', signal: 'SIGKILL' });
  expect(pool.state).toBe('degraded');
  expect(world.alive).toHaveLength(2);
  expect(world.openSockets.size).toBe(1);
  expect(world.alive[1]?.request.listenFd).toBe(first?.request.listenFd);
});

test('what a dead worker leaves is looked for after the next was started, and nobody counts it as gone before', async () => {
  const { world, pool } = await running(1);
  await world.clock.advance(5_000);
  const [first] = world.alive;
  if (first === undefined) throw new Error('no worker runs');
  first.strays = [{ pid: 4711, startTime: 1 }];
  first.end({ kind: 'signaled', signal: 'SIGKILL' });
  expect(world.alive).toHaveLength(1);
  expect(first.signals).toEqual([]);
  await world.clock.advance(50);
  expect(first.signals).toEqual(['SIGTERM']);
  pool.stop();
  world.alive[0]?.exit(0);
  await world.clock.advance(1_000);
  expect(pool.state).toBe('stopping');
  first.strays = [];
  await world.clock.advance(100);
  expect(pool.state).toBe('stopped');
});

test('a stop right after a death waits for the look at what the dead worker has left', async () => {
  const { world, pool } = await running(1);
  await world.clock.advance(5_000);
  const [first] = world.alive;
  first?.end({ kind: 'signaled', signal: 'SIGKILL' });
  pool.stop();
  world.alive[0]?.exit(0);
  expect(pool.state).toBe('stopping');
  await world.clock.advance(50);
  expect(pool.state).toBe('stopped');
});

test('a kill right after a death hits what the dead worker has left', async () => {
  const { world, pool } = await running(1);
  await world.clock.advance(5_000);
  const [first] = world.alive;
  if (first === undefined) throw new Error('no worker runs');
  first.strays = [{ pid: 4711, startTime: 1 }];
  first.end({ kind: 'signaled', signal: 'SIGKILL' });
  pool.kill();
  expect(first.strays).toEqual([]);
  await world.clock.advance(50);
  expect(pool.state).toBe('stopped');
});

test('a pool whose workers exit at once fails, keeps its socket, and heals by itself', async () => {
  const { world, pool } = poolOf(1);
  pool.start();
  for (let death = 0; death < 3; death += 1) {
    await world.clock.advance(1_000);
    for (const process of world.alive) process.exit(0);
  }
  expect(pool.state).toBe('failed');
  expect(pool.record.lastDeath?.reason).toContain('exited with status 0');
  expect(world.openSockets.size).toBe(1);
  expect(world.published.size).toBe(1);
  await world.clock.advance(30_000);
  expect(world.alive).toHaveLength(1);
  world.alive[0]?.becomeReady();
  expect(pool.state).toBe('running');
});

test('an application that cannot be loaded fails the pool at once, and is tried again later', async () => {
  const { world, pool } = poolOf(2);
  const failures = (): number => world.log.of('pool.failed').filter(({ level }) => level === 'error').length;
  pool.start();
  for (const process of world.alive) {
    process.request.onMessage({ event: 'load-failed', message: 'No module named blog', traceback: '' });
    process.exit(1);
    expect(pool.state).toBe('failed');
    expect(failures()).toBe(1);
    await world.clock.advance(1_000);
  }
  expect(pool.record.lastDeath).toMatchObject({ cause: 'not-started' });
  expect(world.alive).toEqual([]);
  await world.clock.advance(29_000);
  for (const process of world.alive) process.becomeReady();
  expect(pool.state).toBe('running');
});

test('a page that crashes every worker that gets it neither delays the next one nor fails the pool', async () => {
  const { world, pool } = crashable({ threads: 1, isPreloaded: true });
  for (let crash = 1; crash <= 30; crash += 1) {
    await world.clock.advance(0);
    world.alive[0]?.becomeReady();
    expect(pool.state).toBe('running');
    crashIn(world.alive[0], '/exit/');
    expect(pool.state).toBe('starting');
    expect(world.alive).toHaveLength(1);
  }
  await world.clock.advance(0);
  expect(pool.record.deaths).toBe(30);
  expect(pool.record.lastDeath?.reason).toContain('this cut 1 request: GET /exit/');
  expect(pool.record.requests.lastCut).toMatchObject({ worker: 'site/1', request: { uri: '/exit/' } });
});

test.each([
  ['the engine without preload', { threads: 1, isPreloaded: false }, [200, 200, 200, 200]],
  ['a program that does not show its requests', undefined, [200, 400]],
])(
  'after a crash the next start waits where it is costly or may be what failed: %s',
  async (_, engine, delays) => {
    const { world } = crashable(engine);
    for (const delayMs of delays) {
      await world.clock.advance(0);
      world.alive[0]?.becomeReady();
      crashIn(world.alive[0], '/exit/');
      await world.clock.advance(delayMs - 1);
      expect(world.alive).toEqual([]);
      await world.clock.advance(1);
      expect(world.alive).toHaveLength(1);
    }
  },
);

test('a start of a failed pool tries again at once', async () => {
  const { world, pool } = poolOf(1);
  pool.start();
  for (let death = 0; death < 3; death += 1) {
    await world.clock.advance(1_000);
    for (const process of world.alive) process.exit(1);
  }
  pool.start();
  expect(world.alive).toHaveLength(1);
});

test('a socket that cannot be opened fails the pool with the reason, and is tried again', async () => {
  const { world, pool } = poolOf(1);
  world.openError = new RunfcgidError('LISTEN_IN_USE', 'pid 7 (nginx) listens on 127.0.0.1:80');
  pool.start();
  expect(pool.state).toBe('failed');
  expect(pool.record.openFailure?.reason).toContain('pid 7 (nginx)');
  world.openError = undefined;
  await world.clock.advance(30_000);
  expect(world.alive).toHaveLength(1);
  expect(pool.record.openFailure).toBeUndefined();
});

test('a stop withdraws the address, lets connections end, and then signals the workers', async () => {
  const { world, pool } = await running(2);
  pool.stop();
  expect(world.published.size).toBe(0);
  expect(pool.state).toBe('stopping');
  expect(world.alive.every(({ signals }) => signals.length === 0)).toBe(true);
  expect(world.drains.map(({ lead }) => lead)).toEqual(['nowhere']);
  world.drains[0]?.finish();
  expect(world.alive.every(({ signals }) => signals[0] === 'SIGTERM')).toBe(true);
  for (const process of world.alive) process.exit(0);
  expect(pool.state).toBe('stopped');
  expect(world.openSockets.size).toBe(0);
  expect(world.clock.pending).toBe(0);
});

test('a stop lingers for clients that are late where another daemon has taken the address over', async () => {
  const { world, pool } = await running(1);
  world.published.clear();
  pool.stop();
  expect(world.drains.map(({ lead }) => lead)).toEqual(['elsewhere']);
});

test('a stop lingers for clients that are late where another daemon has joined to take the address over', async () => {
  const { world, pool } = await running(1);
  world.isFollowed = true;
  pool.stop();
  expect(world.drains.map(({ lead }) => lead)).toEqual(['elsewhere']);
});

test('a worker that ignores its stop signal is killed after the graceful timeout', async () => {
  const { world, pool } = await running(1);
  pool.stop();
  world.drains[0]?.finish();
  await world.clock.advance(9_999);
  expect(pool.state).toBe('stopping');
  await world.clock.advance(1);
  expect(pool.state).toBe('stopped');
});

test('a reload switches only when every new worker is ready, and then the old ones drain', async () => {
  const { world, pool } = await running(2);
  const [old] = world.openSockets;
  const outcome = pool.reload();
  expect(world.alive).toHaveLength(4);
  world.alive[2]?.becomeReady();
  expect([...world.published.values()]).toEqual([old]);
  world.alive[3]?.becomeReady();
  expect([...world.published.values()]).not.toEqual([old]);
  await expect(outcome).resolves.toEqual({ kind: 'switched', generation: 2 });
  expect(world.alive).toHaveLength(4);
  expect(world.drains.map(({ lead }) => lead)).toEqual(['elsewhere']);
  world.drains[0]?.finish();
  for (const process of world.alive.slice(0, 2)) process.exit(0);
  expect(world.alive).toHaveLength(2);
  expect(world.openSockets.size).toBe(1);
  expect(pool.state).toBe('running');
});

test('a candidate that loses a worker is refused, and the old generation is not touched', async () => {
  const { world, pool } = await running(2);
  const old = [...world.alive];
  const outcome = pool.reload();
  world.alive[2]?.becomeReady();
  world.alive[3]?.request.onMessage({
    event: 'load-failed',
    message: 'SyntaxError: invalid syntax (views.py, line 3)',
    traceback: 'Traceback …\nSyntaxError: invalid syntax',
  });
  world.alive[3]?.exit(1);
  await expect(outcome).resolves.toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('SyntaxError'),
    output: ['Traceback …', 'SyntaxError: invalid syntax'],
  });
  expect(world.alive).toEqual(old);
  expect(old.every(({ signals }) => signals.length === 0)).toBe(true);
  expect(pool.state).toBe('running');
  expect(pool.record.refusal?.reason).toContain('SyntaxError');
  expect(world.openSockets.size).toBe(1);
});

test('requests that come during a reload are one more reload after it', async () => {
  const { world, pool } = await running(1);
  const first = pool.reload();
  const second = pool.reload();
  const third = pool.reload();
  world.alive[1]?.becomeReady();
  await expect(first).resolves.toMatchObject({ generation: 2 });
  world.alive[2]?.becomeReady();
  await expect(Promise.all([second, third])).resolves.toMatchObject([{ generation: 3 }, { generation: 3 }]);
  expect(world.processes).toHaveLength(3);
});

test('a reload of a failed pool renews it on the socket where requests wait', async () => {
  const { world, pool } = poolOf(1);
  pool.start();
  for (let death = 0; death < 3; death += 1) {
    await world.clock.advance(1_000);
    for (const process of world.alive) process.exit(1);
  }
  const [socket] = world.openSockets;
  const outcome = pool.reload();
  world.alive[0]?.becomeReady();
  await expect(outcome).resolves.toMatchObject({ kind: 'switched' });
  expect([...world.openSockets]).toEqual([socket]);
  expect([...world.published.values()]).toEqual([socket]);
  expect(pool.state).toBe('running');
});

test('a reload that was refused is forgotten when the workers from before are gone', async () => {
  const refusedOnce = async () => {
    const { world, pool } = await running(1);
    const outcome = pool.reload();
    world.alive[1]?.exit(1);
    await expect(outcome).resolves.toMatchObject({ kind: 'refused' });
    expect(pool.record.refusal).toBeDefined();
    return { world, pool };
  };
  const stopped = await refusedOnce();
  stopped.pool.stop();
  expect(stopped.pool.record.refusal).toBeUndefined();

  const failed = await refusedOnce();
  for (let death = 0; death < 3; death += 1) {
    for (const process of failed.world.alive) process.exit(1);
    await failed.world.clock.advance(1_000);
  }
  expect(failed.pool.state).toBe('failed');
  failed.pool.start();
  expect(failed.pool.record.refusal).toBeUndefined();
});

test('what does not drain is stopped at the drain timeout', async () => {
  const { world, pool } = await running(1);
  void pool.reload();
  world.alive[1]?.becomeReady();
  await world.clock.advance(19_999);
  expect(world.alive[0]?.signals).toEqual([]);
  await world.clock.advance(1);
  expect(world.alive[0]?.signals).toEqual(['SIGTERM']);
});

test('a kill ends everything at once', async () => {
  const { world, pool } = await running(3);
  void pool.reload();
  pool.kill();
  await world.clock.advance(0);
  expect(world.alive).toEqual([]);
  expect(pool.state).toBe('stopped');
  expect(world.openSockets.size).toBe(0);
  expect(world.published.size).toBe(0);
});

test('a reload that is taken back leaves nobody looking whether the generation that serves again has drained', async () => {
  const { world, pool } = await running(1);
  void pool.reload();
  world.alive.at(-1)?.becomeReady();
  expect(pool.generations.live?.number).toBe(2);
  expect(pool.takeBack()).toBe(true);
  expect(pool.generations.live?.number).toBe(1);
  expect(world.drains).toHaveLength(1);
  expect(world.drains[0]?.socket).toBe(pool.generations.get(2).sockets[0]);
});

test('whoever waits for a reload is told that it was taken back', async () => {
  const { pool } = await running(1);
  const outcome = pool.reload();
  expect(pool.takeBack()).toBe(true);
  await expect(outcome).resolves.toMatchObject({ kind: 'cancelled' });
});

test('a pool stops also when its path cannot be removed', async () => {
  const { world, pool } = await running(1);
  world.withdrawError = new Error('EACCES: permission denied, unlink');
  pool.stop();
  for (const { finish } of [...world.drains]) finish();
  for (const process of world.alive) process.exit(0);
  expect(pool.state).toBe('stopped');
  expect(world.log.of('address.kept')).toMatchObject([
    { level: 'error', cause: 'EACCES: permission denied, unlink' },
  ]);
});

/** A pool of two workers whose code on disk has changed since; a reload of it was refused. */
async function outdated(): Promise<{ world: FakeWorld; pool: Pool }> {
  const world = new FakeWorld();
  let hasChanged = false;
  const triggers = {
    fingerprint: () => ({ files: new Map(), tree: undefined }),
    hasChangedSince: () => (hasChanged ? {} : undefined),
    close: () => Promise.resolve(),
  };
  const surroundings = { ...world.surroundings, createTriggers: () => triggers as never };
  const pool = new Pool(fakePoolPlan(2), surroundings, () => {});
  pool.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  hasChanged = true;
  const reload = pool.reload();
  world.alive.at(-1)?.exit(1);
  expect(await reload).toMatchObject({ kind: 'refused' });
  expect(world.alive).toHaveLength(2);
  return { world, pool };
}

test('more workers are no way for refused code to the address', async () => {
  const { world, pool } = await outdated();
  const live = world.alive.map(({ request }) => request.listenFd);
  const scaled = pool.scale(4);
  await world.clock.advance(0);
  expect(world.alive.slice(2).map(({ request }) => live.includes(request.listenFd))).toEqual([false, false]);
  world.alive.at(-1)?.exit(1);
  expect(await scaled).toMatchObject({ kind: 'refused' });
  await world.clock.advance(0);
  expect(world.alive.map(({ request }) => request.listenFd)).toEqual(live);
});

test('more workers of changed code serve once they are proven, all of them', async () => {
  const { world, pool } = await outdated();
  const scaled = pool.scale(4);
  for (let round = 0; round < 2; round += 1) {
    await world.clock.advance(0);
    for (const process of world.alive) process.becomeReady();
    for (const { finish } of [...world.drains]) finish();
    for (const process of world.alive) if (process.signals.includes('SIGTERM')) process.exit(0);
  }
  expect(await scaled).toMatchObject({ kind: 'switched' });
  expect(pool.generations.live?.workers.map(({ state }) => state.name)).toEqual(Array(4).fill('ready'));
});

test('fewer workers need no proof', async () => {
  const { world, pool } = await outdated();
  expect(pool.scale(1)).toBeUndefined();
  expect(world.retirements).toHaveLength(1);
});

/** A pool whose workers are forked from a process that has loaded the application. */
async function forked(mode: 'switch' | 'rolling'): Promise<{ world: FakeWorld; pool: Pool }> {
  const plan = fakePoolPlan(2);
  const world = new FakeWorld();
  const engine = { threads: 1, isPreloaded: true };
  const pool = new Pool(
    { ...plan, worker: { ...plan.worker, engine }, reload: { ...plan.reload, mode } },
    world.surroundings,
    () => {},
  );
  pool.start();
  await world.clock.advance(0);
  for (const process of world.alive) process.becomeReady();
  await world.clock.advance(5_000);
  return { world, pool };
}

test('a worker that dies comes back from the fork server, as long as there is one', async () => {
  const { world, pool } = await forked('switch');
  world.alive[0]?.exit(1);
  await world.clock.advance(0);
  expect(world.forkServers).toHaveLength(1);
  expect(pool.generations.live?.number).toBe(1);
  expect(world.alive).toHaveLength(2);
});

test('when the fork server was lost, the place of a dead worker is filled by a new generation', async () => {
  const { world, pool } = await forked('switch');
  const [first] = world.forkServers;
  if (first !== undefined) first.isLost = true;
  expect(pool.state).toBe('running');
  world.alive[0]?.exit(1);
  await world.clock.advance(0);
  expect(world.forkServers).toHaveLength(2);
  expect(pool.generations.live?.number).toBe(1);
  for (const process of world.alive.slice(1)) process.becomeReady();
  expect(pool.generations.live?.number).toBe(2);
  expect(first?.isEnded).toBe(false);
  world.drains[0]?.finish();
  for (const process of world.alive.slice(0, 1)) process.exit(0);
  await world.clock.advance(1_000);
  expect(first?.isEnded).toBe(true);
});

test('more workers are not started from a fork server that was lost', async () => {
  const { world, pool } = await forked('switch');
  const [first] = world.forkServers;
  if (first !== undefined) first.isLost = true;
  void pool.scale(3);
  await world.clock.advance(0);
  expect(pool.generations.live?.workers).toHaveLength(2);
  expect(pool.generations.candidate?.plan.workers).toBe(3);
});

test('what a candidate has proven is what serves on the shared sockets', async () => {
  const { world, pool } = await forked('rolling');
  void pool.reload();
  await world.clock.advance(0);
  world.alive.at(-1)?.becomeReady();
  await world.clock.advance(0);
  expect(world.forkServers).toHaveLength(2);
  expect(pool.generations.live?.number).toBe(3);
  await world.clock.advance(1_000);
  expect(world.forkServers[1]?.isEnded).toBe(false);
});
