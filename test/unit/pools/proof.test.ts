import { expect, test } from 'vitest';
import type { PoolPlan } from '../../../src/plan/plan.ts';
import type { ProofPlan } from '../../../src/plan/proof.ts';
import { Pool } from '../../../src/pools/pool.ts';
import { FakeWorld, fakePoolPlan } from '../../helpers/fake-world.ts';

const request: ProofPlan = {
  level: 'request',
  timeoutMs: 5_000,
  path: '/health/',
  host: 'localhost',
  headers: {},
  params: {},
  statuses: [{ from: 200, to: 499 }],
};
const failure = { reason: 'the proof request /health/ was answered 500', output: ['boom'], isCut: false };

/** A pool of foreign workers, or of the engine's. */
function planOf(workers: number, proof: ProofPlan, isEngine = false): PoolPlan {
  const plan = fakePoolPlan(workers);
  return { ...plan, proof, worker: { ...plan.worker, engine: isEngine ? plan.worker.engine : undefined } };
}

async function started(plan: PoolPlan): Promise<{ world: FakeWorld; pool: Pool }> {
  const world = new FakeWorld();
  const pool = new Pool(plan, world.surroundings, () => {});
  pool.start();
  await world.clock.advance(0);
  return { world, pool };
}

async function running(plan: PoolPlan): Promise<{ world: FakeWorld; pool: Pool }> {
  const { world, pool } = await started(plan);
  await proveAll(world);
  expect(pool.state).toBe('running');
  return { world, pool };
}

/** The latest proof finds every worker good. */
async function proveAll(world: FakeWorld): Promise<void> {
  const proof = world.proofs.at(-1);
  for (const { id } of proof?.sockets.flatMap(({ workers }) => workers) ?? []) proof?.onProven(id);
  proof?.end();
  await world.clock.advance(0);
}

test('all workers of a start are proven together', async () => {
  const { world, pool } = await started(planOf(3, { level: 'accept' }));
  expect(world.proofs).toHaveLength(1);
  expect(world.proofs[0]?.exchange).toBeUndefined();
  expect(pool.state).toBe('starting');
  await proveAll(world);
  expect(pool.state).toBe('running');
});

test.each([false, true])('a level that asks has an exchange (engine: %s)', async (isEngine) => {
  const { world } = await started(planOf(2, request, isEngine));
  expect(world.proofs[0]?.exchange).toBeTypeOf('function');
});

test('the word of the engine is enough at the level "loaded" and at no other', async () => {
  const loaded = await started(planOf(1, { level: 'loaded' }, true));
  loaded.world.alive[0]?.becomeReady();
  expect(loaded.pool.state).toBe('running');
  expect(loaded.world.proofs).toEqual([]);
  const asked = await started(planOf(1, request, true));
  asked.world.alive[0]?.becomeReady();
  expect(asked.pool.state).toBe('starting');
  await proveAll(asked.world);
  expect(asked.pool.state).toBe('running');
});

test('a candidate with one worker that answers badly is refused with its words', async () => {
  const { world, pool } = await running(planOf(2, request));
  const old = [...world.alive];
  const outcome = pool.reload();
  await world.clock.advance(0);
  world.proofs[1]?.onProven('site/1');
  world.proofs[1]?.onRefused('site/2', failure);
  await expect(outcome).resolves.toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('the proof request /health/ was answered 500'),
    output: ['boom'],
  });
  expect(world.alive).toEqual(old);
  expect(pool.record.refusal?.output).toEqual(['boom']);
  expect(pool.record.lastDeath?.cause).toBe('not-proven');
});

test('what a refused worker has answered and written as well is told once', async () => {
  const { world, pool } = await running(planOf(1, request, true));
  const outcome = pool.reload();
  await world.clock.advance(0);
  for (const line of ['boom', 'and more']) world.alive.at(-1)?.request.onLine('stderr', line);
  world.proofs.at(-1)?.onRefused('site/1', failure);
  await expect(outcome).resolves.toMatchObject({ kind: 'refused', output: ['boom', 'and more'] });
});

test.each(['not-proven', 'boot-timeout'])(
  'a candidate that is killed for "%s" takes a moment to end',
  async (cause) => {
    const { world, pool } = await running(planOf(1, request));
    const outcome = pool.reload();
    await world.clock.advance(0);
    const candidate = world.alive[1];
    if (candidate !== undefined) candidate.isSlowToDie = true;
    if (cause === 'not-proven') world.proofs[1]?.onRefused('site/1', failure);
    else await world.clock.advance(30_000);
    expect(pool.generations.candidate?.workers[0]?.state.name).toBe('killing');
    candidate?.end({ kind: 'signaled', signal: 'SIGKILL' });
    await expect(outcome).resolves.toMatchObject({ kind: 'refused' });
    expect(pool.record.lastDeath?.cause).toBe(cause);
    expect(pool.record.refusal?.reason).toBe(pool.record.lastDeath?.reason);
    expect(pool.state).toBe('running');
  },
);

test('a pool whose workers answer badly from the beginning fails, and tries again', async () => {
  const { world, pool } = await started(planOf(1, request));
  for (let death = 0; death < 3; death += 1) {
    const proof = world.proofs.at(-1);
    proof?.onRefused('site/1', failure);
    proof?.end();
    await world.clock.advance(1_000);
  }
  expect(pool.state).toBe('failed');
  expect(world.processes).toHaveLength(3);
  expect(pool.record.lastDeath?.reason).toBe(failure.reason);
  await world.clock.advance(30_000);
  await proveAll(world);
  expect(pool.state).toBe('running');
});

test('a worker that breaks off is given the time to die of its own cause', async () => {
  const { world, pool } = await started(planOf(1, request));
  world.proofs[0]?.onRefused('site/1', { ...failure, isCut: true });
  world.processes[0]?.end({ kind: 'signaled', signal: 'SIGSEGV' });
  expect(pool.record.lastDeath?.reason).toContain('killed by SIGSEGV');
  world.proofs[0]?.end();
  await world.clock.advance(500);
  expect(world.processes).toHaveLength(2);
  world.proofs[1]?.onRefused('site/1', { ...failure, isCut: true });
  await world.clock.advance(499);
  expect(world.processes[1]?.isAlive).toBe(true);
  await world.clock.advance(1);
  expect(pool.record.lastDeath?.reason).toBe(failure.reason);
});

test('a worker that joins others is not asked, but has to live for a second', async () => {
  const { world, pool } = await running(planOf(2, request));
  await world.clock.advance(5_000);
  world.alive[0]?.end({ kind: 'signaled', signal: 'SIGKILL' });
  await world.clock.advance(0);
  await world.clock.advance(999);
  expect(pool.state).toBe('degraded');
  await world.clock.advance(1);
  expect(pool.state).toBe('running');
  expect(world.proofs).toHaveLength(1);
});

test('a worker of the engine that joins others is ready when it says so', async () => {
  const { world, pool } = await running(planOf(2, request, true));
  await world.clock.advance(5_000);
  world.alive[0]?.end({ kind: 'signaled', signal: 'SIGKILL' });
  await world.clock.advance(2_000);
  expect(pool.state).toBe('degraded');
  world.alive[1]?.becomeReady();
  expect(pool.state).toBe('running');
  expect(world.proofs).toHaveLength(1);
});

test.each([
  ['the engine follows when it says so', true, 'running'],
  ['any other program follows when it has shown itself again', false, 'starting'],
])('where all workers have died, one of %s', async (_, isEngine, state) => {
  const { world, pool } = await running(planOf(1, request, isEngine));
  await world.clock.advance(5_000);
  world.alive[0]?.exit(3);
  await world.clock.advance(0);
  world.alive[0]?.becomeReady();
  expect(pool.state).toBe(state);
  await proveAll(world);
  expect(pool.state).toBe('running');
});

test('where all workers have died and the code has changed since, the next one is proven', async () => {
  const world = new FakeWorld();
  let hasChanged = false;
  const triggers = {
    fingerprint: () => ({ files: new Map(), tree: undefined }),
    hasChangedSince: () => (hasChanged ? {} : undefined),
    close: () => Promise.resolve(),
  };
  const surroundings = { ...world.surroundings, createTriggers: () => triggers as never };
  const pool = new Pool(planOf(1, request, true), surroundings, () => {});
  pool.start();
  await world.clock.advance(0);
  await proveAll(world);
  await world.clock.advance(5_000);
  hasChanged = true;
  world.alive[0]?.exit(3);
  await world.clock.advance(0);
  world.alive[0]?.becomeReady();
  expect(pool.state).toBe('starting');
  await proveAll(world);
  expect(pool.state).toBe('running');
});

test('on a shared socket the candidate is asked, and those that join the old ones are not', async () => {
  const plan = planOf(1, request);
  const { world, pool } = await running({ ...plan, reload: { ...plan.reload, mode: 'rolling' } });
  const outcome = pool.reload();
  await world.clock.advance(0);
  expect(world.proofs).toHaveLength(2);
  await proveAll(world);
  await world.clock.advance(1_000);
  for (const retire of world.retirements) retire();
  await expect(outcome).resolves.toMatchObject({ kind: 'switched' });
  expect(world.proofs).toHaveLength(2);
  expect(pool.generations.live?.workers[0]?.state.name).toBe('ready');
});

test('a changed proof needs no new workers, and holds from the next generation on', async () => {
  const { world, pool } = await running(planOf(1, { level: 'accept' }));
  expect(pool.apply(planOf(1, request))).toBeUndefined();
  expect(world.processes).toHaveLength(1);
  void pool.reload();
  await world.clock.advance(0);
  expect(world.proofs[1]?.exchange).toBeTypeOf('function');
});

test('a stop during a proof ends it', async () => {
  const { world, pool } = await started(planOf(1, request));
  pool.stop();
  world.drains[0]?.finish();
  for (const process of world.alive) process.exit(0);
  expect(pool.state).toBe('stopped');
  expect(world.proofs[0]?.signal.aborted).toBe(true);
  expect(world.clock.pending).toBe(0);
});
