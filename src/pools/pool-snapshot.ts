import { formatAddress } from '../config/address.ts';
import type { Clock } from '../host/clock.ts';
import type { PoolPlan, RefusedPool } from '../plan/plan.ts';
import { describeProof } from '../plan/proof.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import { afterProblems, reasonOfProblems } from '../status/misconfigured.ts';
import { sumOfKnown } from '../status/quantities.ts';
import type {
  ExitSnapshot,
  ForkServerSnapshot,
  GenerationSnapshot,
  PoolSnapshot,
  WorkerSnapshot,
} from '../status/snapshot.ts';
import type { Worker } from '../workers/worker.ts';
import type { Generation } from './generation.ts';
import type { Pool } from './pool.ts';
import { activityOf, requestsOf } from './request-snapshot.ts';
import { isReady } from './worker-standing.ts';

/** What was measured of each process tree, by the pid of its worker, and of each fork server. */
export type Measures = ReadonlyMap<number, Measure>;

export interface Measure {
  readonly memoryBytes: number | null;
  readonly cpuPercent: number | null;
  readonly connections: number | null;
}

/** The view of one pool now. Pure but for the clock. */
export function snapshotPool(pool: Pool, measures: Measures, clock: Clock): PoolSnapshot {
  const { plan } = pool;
  const live = pool.generations.live;
  const workers = pool.generations.list.flatMap((generation) =>
    workersOf(generation).map((worker) => snapshotWorker(worker, generation, measures)),
  );
  return {
    ...outline(plan),
    state: pool.state,
    reason: reasonOf(pool),
    problems: pool.record.refusedPlan?.output ?? [],
    advice: pool.record.openFailure?.output[0] ?? null,
    nextAttemptInMs: nextAttemptInMs(pool, clock),
    killInMs: killInMs(pool, clock),
    generation: live?.number ?? 0,
    ...(live === undefined || live.sockets.length === 0 ? {} : { listen: live.sockets.map(addressOf) }),
    workersReady: live?.workers.filter(({ state }) => isReady(state.name)).length ?? 0,
    restarts: pool.record.deaths,
    recycled: pool.record.recycled,
    lastRecycling: recyclingOf(pool),
    ...requestsOf(pool),
    queued: queuedOf(pool),
    workers,
    lastExit: pool.record.lastDeath === undefined ? null : snapshotDeath(pool.record.lastDeath),
    refusedReload: refusalOf(pool),
    generations: pool.generations.list.map((generation) => snapshotGeneration(generation, measures)),
    lastTrigger:
      pool.record.lastTrigger === undefined
        ? null
        : { at: pool.record.lastTrigger.at.toISOString(), summary: pool.record.lastTrigger.summary },
  };
}

/** The view of a pool whose configuration cannot be used. */
export function snapshotRefused(refused: RefusedPool): PoolSnapshot {
  return {
    name: refused.name,
    state: 'failed',
    reason: reasonOfProblems(refused.problems),
    problems: refused.problems,
    advice: afterProblems,
    nextAttemptInMs: null,
    killInMs: null,
    preset: '',
    proof: '',
    command: '',
    listen: [],
    generation: 0,
    workersWanted: 0,
    workersReady: 0,
    restarts: 0,
    recycled: 0,
    lastRecycling: null,
    cutRequests: null,
    lastCut: null,
    timeouts: null,
    lastTimeout: null,
    queued: null,
    workers: [],
    lastExit: null,
    refusedReload: null,
    generations: [],
    lastTrigger: null,
  };
}

function outline(
  plan: PoolPlan,
): Pick<PoolSnapshot, 'name' | 'preset' | 'proof' | 'command' | 'listen' | 'workersWanted'> {
  return {
    name: plan.name,
    preset: plan.preset,
    proof: describeProof(plan.proof),
    command: plan.worker.argv.join(' '),
    listen: plan.listen.map(({ address }) => formatAddress(address)),
    workersWanted: plan.workers,
  };
}

/** What was asked for and is not there: new workers, or a new configuration. */
function refusalOf({ record }: Pool): PoolSnapshot['refusedReload'] {
  const refusal = record.refusal ?? record.refusedPlan;
  return refusal === undefined
    ? null
    : { at: refusal.at.toISOString(), reason: refusal.reason, output: refusal.output };
}

function recyclingOf({ record }: Pool): PoolSnapshot['lastRecycling'] {
  const last = record.lastRecycling;
  return last === undefined ? null : { ...last, at: last.at.toISOString() };
}

function addressOf({ endpoint }: ListenSocket): string {
  return formatAddress(endpoint.address);
}

/** Those that serve or shall serve, and those that leave and are still there. */
function workersOf(generation: Generation): readonly Worker[] {
  const { phase, workers, present } = generation;
  return phase === 'live' ? [...new Set([...workers, ...present])] : present;
}

function snapshotGeneration(generation: Generation, measures: Measures): GenerationSnapshot {
  const { number, phase, workers, present } = generation;
  const isRising = phase === 'live' || phase === 'proving';
  return {
    number,
    phase,
    workers: isRising ? workers.length : present.length,
    ready: workers.filter(({ state }) => isReady(state.name)).length,
    connections: connectionsOf(present, measures),
    forkServer: snapshotForkServer(generation, measures),
  };
}

function snapshotForkServer({ forks, source }: Generation, measures: Measures): ForkServerSnapshot | null {
  if (forks === undefined) return null;
  const { serverPid: pid, warnings } = forks;
  const memoryBytes = pid === undefined ? null : (measures.get(pid)?.memoryBytes ?? null);
  return { pid: pid ?? null, isLost: source === 'lost', memoryBytes, warnings };
}

/** `null` as soon as those of one worker are unknown: a part would look like the whole. */
function connectionsOf(workers: readonly Worker[], measures: Measures): number | null {
  const counts = workers.map(({ pid }) =>
    pid === undefined ? null : (measures.get(pid)?.connections ?? null),
  );
  return counts.includes(null) ? null : (sumOfKnown(counts) ?? 0);
}

function snapshotWorker(worker: Worker, { number, phase }: Generation, measures: Measures): WorkerSnapshot {
  const measure = worker.pid === undefined ? undefined : measures.get(worker.pid);
  return {
    id: worker.id,
    generation: number,
    pid: worker.pid ?? null,
    state: phase === 'draining' && isReady(worker.state.name) ? 'draining' : worker.state.name,
    listen: formatAddress(worker.socket.endpoint.address),
    uptimeMs: worker.uptimeMs === undefined ? null : Math.round(worker.uptimeMs),
    restarts: worker.restarts,
    memoryBytes: measure?.memoryBytes ?? null,
    cpuPercent: measure?.cpuPercent ?? null,
    connections: measure?.connections ?? null,
    ...activityOf(worker.slots),
  };
}

function reasonOf(pool: Pool): string | null {
  if (pool.record.openFailure !== undefined) return pool.record.openFailure.reason;
  const { state, record, generations } = pool;
  if (state === 'running' || state === 'stopped' || state === 'stopping') return null;
  const { lastDeath } = record;
  // Of workers from before, or of a candidate that was refused, it says nothing about those that start now.
  const isOld = generations.live !== undefined && lastDeath?.generation !== generations.live.number;
  return state !== 'failed' && isOld ? null : (lastDeath?.reason ?? null);
}

function nextAttemptInMs(pool: Pool, clock: Clock): number | null {
  const deadlines = [
    pool.retryAtMs,
    ...(pool.generations.live?.workers ?? []).map(({ state }) =>
      state.name === 'backoff' ? state.deadlineMs : undefined,
    ),
  ].filter((deadlineMs) => deadlineMs !== undefined);
  return deadlines.length === 0 ? null : Math.max(0, Math.round(Math.min(...deadlines) - clock.now()));
}

function killInMs({ state, record }: Pool, clock: Clock): number | null {
  if (state !== 'stopping' || record.stop === undefined) return null;
  return Math.max(0, Math.round(record.stop.endByMs - clock.now()));
}

function queuedOf(pool: Pool): number | null {
  const queued = pool.generations.live?.sockets.map((socket) => socket.queued()) ?? [];
  return queued.includes(undefined) ? null : queued.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

function snapshotDeath(death: NonNullable<Pool['record']['lastDeath']>): ExitSnapshot {
  return {
    at: death.at.toISOString(),
    worker: death.worker,
    pid: death.pid ?? null,
    cause: death.cause,
    reason: death.reason,
    output: death.output,
  };
}
