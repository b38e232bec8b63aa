import { RunfcgidError } from '../errors.ts';
import { haveCommonAddress, keptSettings, planChange } from '../plan/diff.ts';
import type { DaemonPlan, Plan, PoolPlan, RefusedPool } from '../plan/plan.ts';
import type { DaemonSnapshot, PoolSnapshot, StatusSnapshot } from '../status/snapshot.ts';
import type { AddressWatch } from './address-watch.ts';
import {
  type Commands,
  isStop,
  type OnProgress,
  type PoolOutcome,
  type PoolSelection,
  type PoolVerb,
  type Reconfiguration,
  type StopVerb,
} from './commands.ts';
import { HardRestarts } from './hard-restarts.ts';
import * as outcomes from './outcomes.ts';
import { Pool } from './pool.ts';
import { type Measures, snapshotPool, snapshotRefused } from './pool-snapshot.ts';
import { publishedPaths } from './published-paths.ts';
import { noteRefusedPlans } from './refused-plans.ts';
import type { ReloadOutcome } from './reload-requests.ts';
import { scalable } from './scalable.ts';
import { selectPools } from './selection.ts';
import type { PoolSurroundings } from './surroundings.ts';
import { verdictOf } from './verdict.ts';
import { Watchers } from './watchers.ts';

export interface SupervisorSurroundings extends PoolSurroundings {
  readonly describeDaemon: () => DaemonSnapshot;
  /** Memory, CPU and connections of the process trees of these workers. */
  readonly measure: (pools: readonly Pool[]) => Promise<Measures>;
  /**
   * The plan that the configuration asks for now.
   *
   * @throws RunfcgidError CONFIG_…
   */
  readonly readPlan: () => Promise<Plan>;
  /** Calls back when something may have happened to the published paths. */
  readonly watchAddresses: (onHint: () => void) => Pick<AddressWatch, 'follow' | 'close'>;
}

/** All pools, and what may be asked of them. */
export class Supervisor implements Commands {
  readonly #surroundings: SupervisorSurroundings;
  readonly #pools = new Map<string, Pool>();
  readonly #hardRestarts = new HardRestarts();
  readonly #watchers = new Watchers((pool) => this.#snapshot(pool));
  readonly #addresses: Pick<AddressWatch, 'follow' | 'close'>;
  readonly #daemonPlan: DaemonPlan;
  #refused: readonly RefusedPool[];
  #isShuttingDown = false;
  #reconfigured: Promise<unknown> = Promise.resolve();
  #endShutDown: () => void = () => {};
  /** Resolves when `shutDown` was asked for and every pool has stopped. */
  readonly ended: Promise<void>;

  constructor(plan: Plan, surroundings: SupervisorSurroundings) {
    this.#surroundings = surroundings;
    this.#daemonPlan = plan.daemon;
    this.#refused = plan.refused;
    this.#addresses = surroundings.watchAddresses(() => {
      for (const pool of this.#pools.values()) pool.guardAddresses();
    });
    for (const pool of plan.pools) this.#add(pool);
    this.ended = new Promise((resolve) => {
      this.#endShutDown = resolve;
    });
  }

  /** Starts the pools that start by themselves, in their order. */
  start(): void {
    for (const pool of this.#pools.values()) if (pool.plan.isAutostarted) pool.start();
  }

  /** Resolves when every pool that starts by itself has had its first verdict. */
  async firstVerdicts(): Promise<readonly PoolOutcome[]> {
    const started = [...this.#pools.values()].filter(({ plan }) => plan.isAutostarted);
    return Promise.all(started.map((pool) => this.#until('start', pool, () => {})));
  }

  async status(): Promise<StatusSnapshot> {
    const pools = [...this.#pools.values()];
    const measures = await this.#surroundings.measure(pools);
    return {
      daemon: this.#surroundings.describeDaemon(),
      pools: [
        ...pools.map((pool) => snapshotPool(pool, measures, this.#surroundings.clock)),
        ...this.#refused.filter(({ name }) => !this.#pools.has(name)).map(snapshotRefused),
      ],
    };
  }

  async run(verb: PoolVerb, names: PoolSelection, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    const { pools: selected, refused } = this.#select(names);
    if (!isStop(verb)) this.#refuseWhileShuttingDown();
    // Somebody who means all pools does not mean those that were stopped on purpose.
    const isMeant = (pool: Pool): boolean => verb !== 'reload' || names !== 'all' || pool.isWanted;
    const pools = selected.filter(isMeant);
    return Promise.all([
      ...pools.map((pool) => this.#carryOut(verb, pool, onProgress)),
      ...refused.map((pool) => outcomes.refused(verb, pool)),
    ]);
  }

  async restartHard(names: PoolSelection, how: StopVerb, onProgress: OnProgress): Promise<PoolOutcome[]> {
    this.#refuseWhileShuttingDown();
    const { pools, refused } = this.#select(names);
    const restarted = pools.map((pool) =>
      this.#hardRestarts.carryOut(pool, how, (verb) => this.#carryOut(verb, pool, onProgress)),
    );
    return Promise.all([...restarted, ...refused.map((pool) => outcomes.refused('start', pool))]);
  }

  async scale(name: string, workers: number, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    const pool = scalable(this.#select([name]), name, workers);
    return [
      await this.#whenTrue(pool, () => pool.scale(workers), `will have ${workers} workers`, onProgress),
    ];
  }

  async takeBack(names: PoolSelection): Promise<readonly PoolOutcome[]> {
    return this.#select(names).pools.map((pool) =>
      pool.takeBack()
        ? outcomes.of(pool, true, `generation ${pool.generations.live?.number ?? 0} serves`)
        : outcomes.of(pool, false, 'has no reload to take back: the workers from before are gone'),
    );
  }

  async reconfigure(onProgress: OnProgress): Promise<Reconfiguration> {
    this.#refuseWhileShuttingDown();
    // One after the other: a later request may be about a newer file.
    const reconfigured = this.#reconfigured.then(async () => {
      const plan = await this.#surroundings.readPlan();
      // A pool that is started after all were told to stop would stay.
      this.#refuseWhileShuttingDown();
      const outcomes = await this.#follow(plan, onProgress);
      return { outcomes, notes: keptSettings(this.#daemonPlan, plan.daemon) };
    });
    this.#reconfigured = reconfigured.catch(() => {});
    return reconfigured;
  }

  async shutDown(how: StopVerb, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    this.#isShuttingDown = true;
    const stopped = await this.run(how, 'all', onProgress);
    this.#addresses.close();
    this.#endShutDown();
    return stopped;
  }

  async #follow(plan: Plan, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    const { added, removed, changed } = planChange(
      [...this.#pools.values()].map((pool) => pool.configured),
      plan,
    );
    this.#refused = noteRefusedPlans(plan.refused, this.#pools);
    const follow = changed.flatMap((poolPlan) => {
      const pool = this.#pools.get(poolPlan.name);
      return pool === undefined ? [] : [{ pool, poolPlan }];
    });
    const fresh = added.map((poolPlan) => this.#add(poolPlan));
    const gone = removed.flatMap(({ name }) => this.#pools.get(name) ?? []);
    const leaving = gone.map((pool) => ({ pool, outcome: this.#remove(pool, onProgress) }));
    return Promise.all([
      ...leaving.map(({ outcome }) => outcome),
      ...follow.map(({ pool, poolPlan }) => this.#change(pool, poolPlan, onProgress)),
      ...fresh.map(async (pool) => {
        // A renamed pool takes over the address as soon as the old name has let go of it.
        const before = leaving.filter((each) => haveCommonAddress(each.pool.plan, pool.plan));
        await Promise.all(before.map(({ outcome }) => outcome));
        return this.#startAdded(pool, onProgress);
      }),
      ...plan.refused.map((pool) => outcomes.refusedChange(pool, this.#pools.get(pool.name))),
    ]);
  }

  async #remove(pool: Pool, onProgress: OnProgress): Promise<PoolOutcome> {
    const outcome = await this.#carryOut('stop', pool, onProgress);
    if (outcome.isDone) this.#pools.delete(pool.plan.name);
    return { ...outcome, message: `removed: ${outcome.message}` };
  }

  async #change(pool: Pool, plan: PoolPlan, onProgress: OnProgress): Promise<PoolOutcome> {
    const outcome = await this.#whenTrue(pool, () => pool.apply(plan), 'not running', onProgress);
    return outcome.isDone ? { ...outcome, message: `changed: ${outcome.message}` } : outcome;
  }

  /** @param change gives the reload that it needs, if it needs one. */
  async #whenTrue(
    pool: Pool,
    change: () => Promise<ReloadOutcome> | undefined,
    whenStopped: string,
    onProgress: OnProgress,
  ): Promise<PoolOutcome> {
    const before = outcomes.beforeScaling(pool, this.#surroundings.clock);
    const reload = change();
    const outcome = await reload;
    if (outcome !== undefined && outcome.kind !== 'switched') return outcomes.notReloaded(pool, outcome);
    if (pool.state === 'stopped') return outcomes.of(pool, true, whenStopped);
    const reached = await this.#until('scale', pool, onProgress);
    return reload === undefined ? outcomes.scaled(reached, pool, before) : reached;
  }

  async #startAdded(pool: Pool, onProgress: OnProgress): Promise<PoolOutcome> {
    if (!pool.plan.isAutostarted) return outcomes.of(pool, true, 'added; not started by itself');
    const outcome = await this.#carryOut('start', pool, onProgress);
    return { ...outcome, message: `added: ${outcome.message}` };
  }

  async #carryOut(verb: PoolVerb, pool: Pool, onProgress: OnProgress): Promise<PoolOutcome> {
    if (isStop(verb)) this.#hardRestarts.giveUp(pool);
    if (verb === 'reload' && !pool.isWanted) return outcomes.nothingToReload(pool);
    if (verb === 'start' || isStop(verb)) pool[verb]();
    else {
      const outcome = await this.#watchers.whileTelling(pool, onProgress, pool.reload());
      if (outcome.kind !== 'switched') return outcomes.notReloaded(pool, outcome);
    }
    return this.#until(verb, pool, onProgress);
  }

  /** Waits until the verb has become true of the pool, or cannot. */
  #until(verb: PoolVerb | 'scale', pool: Pool, onProgress: OnProgress): Promise<PoolOutcome> {
    const since = this.#surroundings.clock.wallTime().toISOString();
    return this.#watchers.until(pool, (snapshot) => verdictOf(verb, snapshot, since), onProgress);
  }

  #snapshot(pool: Pool): PoolSnapshot {
    return snapshotPool(pool, new Map(), this.#surroundings.clock);
  }

  #add(plan: PoolPlan): Pool {
    const pool = new Pool(plan, this.#surroundings, () => this.#changed());
    this.#pools.set(plan.name, pool);
    return pool;
  }

  #changed(): void {
    this.#addresses.follow([...this.#pools.values()].flatMap(publishedPaths));
    this.#watchers.look();
  }

  #select(names: PoolSelection): ReturnType<typeof selectPools> {
    return selectPools(names, this.#pools, this.#refused);
  }

  #refuseWhileShuttingDown(): void {
    if (this.#isShuttingDown) throw new RunfcgidError('DAEMON_NOT_RUNNING', 'the daemon is shutting down');
  }
}
