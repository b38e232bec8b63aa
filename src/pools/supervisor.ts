import { suggestion } from '../config/suggestion.ts';
import { RunfcgidError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import type { DaemonSnapshot, PoolSnapshot, StatusSnapshot } from '../status/snapshot.ts';
import type { Commands, OnProgress, PoolOutcome, PoolVerb } from './commands.ts';
import { Pool } from './pool.ts';
import { type Measures, snapshotPool, snapshotRefused } from './pool-snapshot.ts';
import type { ReloadOutcome } from './reload-requests.ts';
import type { PoolSurroundings } from './surroundings.ts';
import { progressOf, verdictOf } from './verdict.ts';

export interface SupervisorSurroundings extends PoolSurroundings {
  readonly describeDaemon: () => DaemonSnapshot;
  /** Memory, CPU and connections of the process trees of these workers. */
  readonly measure: (pools: readonly Pool[]) => Promise<Measures>;
}

/** How often the addresses are looked at: a cleaner of temporary files comes seldom. */
const guardIntervalMs = 10_000;

/** All pools, and what the operator may ask of them. */
export class Supervisor implements Commands {
  readonly #plan: Plan;
  readonly #surroundings: SupervisorSurroundings;
  readonly #pools: ReadonlyMap<string, Pool>;
  readonly #watchers = new Set<() => void>();
  #isShuttingDown = false;
  #endShutDown: () => void = () => {};
  /** Resolves when `shutDown` was asked for and every pool has stopped. */
  readonly ended: Promise<void>;

  constructor(plan: Plan, surroundings: SupervisorSurroundings) {
    this.#plan = plan;
    this.#surroundings = surroundings;
    this.#pools = new Map(
      plan.pools.map((poolPlan) => [poolPlan.name, new Pool(poolPlan, surroundings, () => this.#changed())]),
    );
    this.ended = new Promise((resolve) => {
      this.#endShutDown = resolve;
    });
  }

  /** Starts the pools that start by themselves, in the order of the configuration, and guards their addresses. */
  start(): void {
    for (const pool of this.#pools.values()) if (pool.plan.isAutostarted) pool.start();
    this.#guard();
  }

  /** Resolves when every pool that starts by itself has had its first verdict. */
  async firstVerdicts(): Promise<readonly PoolOutcome[]> {
    const started = [...this.#pools.values()].filter(({ plan }) => plan.isAutostarted);
    const since = this.#surroundings.clock.wallTime().toISOString();
    return Promise.all(started.map((pool) => this.#until('start', pool, since, () => {})));
  }

  async status(): Promise<StatusSnapshot> {
    const pools = [...this.#pools.values()];
    const measures = await this.#surroundings.measure(pools);
    return {
      daemon: this.#surroundings.describeDaemon(),
      pools: [
        ...pools.map((pool) => snapshotPool(pool, measures, this.#surroundings.clock)),
        ...this.#plan.refused.map(snapshotRefused),
      ],
    };
  }

  async run(
    verb: PoolVerb,
    names: readonly string[] | 'all',
    onProgress: OnProgress,
  ): Promise<readonly PoolOutcome[]> {
    this.#refuseUnknown(names);
    if (this.#isShuttingDown && verb !== 'stop') {
      throw new RunfcgidError('DAEMON_NOT_RUNNING', 'the daemon is shutting down');
    }
    const wanted = [...this.#pools.values()].filter(
      ({ plan }) => names === 'all' || names.includes(plan.name),
    );
    const refused = this.#plan.refused.filter(({ name }) => names === 'all' || names.includes(name));
    return Promise.all([
      ...wanted.map((pool) => this.#carryOut(verb, pool, onProgress)),
      ...refused.map(({ name, problems }) => refusedOutcome(verb, name, problems)),
    ]);
  }

  async shutDown(onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    this.#isShuttingDown = true;
    const outcomes = await this.run('stop', 'all', onProgress);
    this.#endShutDown();
    return outcomes;
  }

  /** Kills every process at once; `ended` follows. */
  killAll(): void {
    this.#isShuttingDown = true;
    for (const pool of this.#pools.values()) pool.kill();
  }

  async #carryOut(verb: PoolVerb, pool: Pool, onProgress: OnProgress): Promise<PoolOutcome> {
    const since = this.#surroundings.clock.wallTime().toISOString();
    switch (verb) {
      case 'start':
        pool.start();
        break;
      case 'stop':
        pool.stop();
        break;
      case 'restart': {
        const outcome = await pool.reload();
        if (outcome.kind !== 'switched') return reloadFailure(pool, outcome);
      }
    }
    return this.#until(verb, pool, since, onProgress);
  }

  /** Waits until the verb has become true of the pool, or cannot. */
  #until(verb: PoolVerb, pool: Pool, since: string, onProgress: OnProgress): Promise<PoolOutcome> {
    return new Promise((resolve) => {
      let lastMessage = '';
      const look = (): void => {
        const snapshot = this.#snapshot(pool);
        const outcome = verdictOf(verb, snapshot, since);
        if (outcome !== undefined) {
          this.#watchers.delete(look);
          resolve(outcome);
          return;
        }
        const message = progressOf(snapshot);
        if (message === lastMessage) return;
        lastMessage = message;
        onProgress({ pool: pool.plan.name, message });
      };
      this.#watchers.add(look);
      look();
    });
  }

  #snapshot(pool: Pool): PoolSnapshot {
    return snapshotPool(pool, new Map(), this.#surroundings.clock);
  }

  #changed(): void {
    for (const look of [...this.#watchers]) look();
  }

  #guard(): void {
    const { clock } = this.#surroundings;
    clock.at(clock.now() + guardIntervalMs, () => {
      if (this.#isShuttingDown) return;
      for (const pool of this.#pools.values()) pool.guardAddresses();
      this.#guard();
    });
  }

  #refuseUnknown(names: readonly string[] | 'all'): void {
    if (names === 'all') return;
    const known = [...this.#pools.keys(), ...this.#plan.refused.map(({ name }) => name)];
    const unknown = names.find((name) => !known.includes(name));
    if (unknown === undefined) return;
    const near = suggestion(unknown, known);
    throw new RunfcgidError('PLAN_UNKNOWN_POOL', `there is no pool "${unknown}"`, {
      hint: near === undefined ? `the pools are: ${known.join(', ') || 'none'}` : `did you mean "${near}"?`,
    });
  }
}

function reloadFailure(pool: Pool, outcome: Exclude<ReloadOutcome, { kind: 'switched' }>): PoolOutcome {
  const { state } = pool;
  const isServing = state === 'running' || state === 'degraded';
  const still = isServing ? '; the workers from before go on serving' : '';
  return {
    pool: pool.plan.name,
    isDone: false,
    state,
    message: `${outcome.kind}: ${outcome.reason}${still}`,
    details: outcome.kind === 'refused' ? outcome.output : [],
  };
}

function refusedOutcome(verb: PoolVerb, name: string, problems: readonly string[]): PoolOutcome {
  const isDone = verb === 'stop';
  const message = isDone ? 'was not running' : 'its configuration has problems';
  return { pool: name, isDone, state: 'failed', message, details: problems };
}
