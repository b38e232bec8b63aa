import { describeError, RunfcgidError } from '../errors.ts';
import type { Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { PoolPlan } from '../plan/plan.ts';
import type { PoolState } from '../status/snapshot.ts';
import type { Death } from '../workers/worker.ts';
import { poolState } from './condition.ts';
import type { Generation } from './generation.ts';
import { Generations } from './generations.ts';
import { type Action, type Observed, reconcile } from './reconcile.ts';
import { PoolRecord } from './record.ts';
import { type ReloadOutcome, ReloadRequests } from './reload-requests.ts';
import type { PoolSurroundings } from './surroundings.ts';

type Tending = Exclude<Action['do'], 'open-live' | 'open-candidate'>;

/**
 * One pool: what is wanted of it, its generations, and what has happened to it. After every event it asks
 * `reconcile` what to do and does it; its condition is derived and never stored.
 */
export class Pool {
  readonly plan: PoolPlan;
  readonly generations: Generations;
  readonly record: PoolRecord;
  readonly #surroundings: PoolSurroundings;
  readonly #log: Log;
  readonly #onChange: () => void;
  readonly #reloads = new ReloadRequests();
  #intent: 'run' | 'stop' = 'stop';
  #wasRunning = false;
  /** The state as it was last logged. */
  #notedState: PoolState = 'stopped';
  #retryAtMs: number | undefined;
  #timer: Timer | undefined;
  readonly #tending: Readonly<Record<Tending, (generation: Generation) => void>> = {
    renew: (generation) => this.#renew(generation),
    'switch-to': (generation) => this.#switchTo(generation),
    refuse: (generation) => this.#refuse(generation),
    withdraw: (generation) => this.generations.withdraw(generation),
    'stop-workers': (generation) => this.generations.stopWorkers(generation),
    'start-workers': (generation) => this.#startWorkers(generation),
    close: (generation) => this.generations.close(generation),
    'give-up': (generation) => this.#giveUp(generation),
  };
  #isReconciling = false;
  #isDirty = false;

  constructor(plan: PoolPlan, surroundings: PoolSurroundings, onChange: () => void) {
    this.plan = plan;
    this.#log = surroundings.log.child({ pool: plan.name });
    this.#surroundings = { ...surroundings, log: this.#log };
    this.#onChange = onChange;
    this.record = new PoolRecord(plan.lifecycle, plan.workers, surroundings.clock);
    this.generations = new Generations(plan, this.#surroundings, {
      onChange: () => this.#reconcile(),
      onDeath: (death) => this.#noteDeath(death),
    });
  }

  get state(): PoolState {
    return poolState({
      intent: this.#intent,
      isEmpty: this.generations.list.length === 0,
      workers: this.generations.live?.workers.map((worker) => worker.state.name) ?? [],
      hasGivenUp: this.#retryAtMs !== undefined,
      wasRunning: this.#wasRunning,
    });
  }

  /** Monotonic milliseconds of the next attempt of a pool that gave up. */
  get retryAtMs(): number | undefined {
    return this.#retryAtMs;
  }

  /** Wants the pool to run; a pool that gave up tries again at once. */
  start(): void {
    this.#intent = 'run';
    if (this.#retryAtMs !== undefined) this.#retryAtMs = this.#surroundings.clock.now();
    this.#reconcile();
  }

  /** Wants the pool to finish what it has, and end. */
  stop(): void {
    this.#intent = 'stop';
    this.#wasRunning = false;
    this.#forgetTrouble();
    this.#reloads.cancel('the pool was stopped');
    this.#reconcile();
  }

  /** Ends every process now. */
  kill(): void {
    this.stop();
    this.generations.killAll();
    this.#reconcile();
  }

  /**
   * Replaces every worker by a new one without losing a request, or not at all. Resolves when the new ones serve
   * or were refused. A pool that serves nothing has nothing to protect: it is started, or tries again.
   */
  reload(): Promise<ReloadOutcome> {
    this.#intent = 'run';
    const outcome = this.#reloads.add();
    this.#reconcile();
    return outcome;
  }

  /** Looks whether the addresses still lead here, and publishes them again if not. */
  guardAddresses(): void {
    try {
      for (const address of this.generations.guardAddresses()) {
        this.#log.warn({ event: 'address.lost', address }, 'the address was gone; it is published again');
      }
    } catch (error) {
      this.#log.error(
        { event: 'address.lost', cause: describeError(error) },
        'the address cannot be published',
      );
    }
  }

  #reconcile(): void {
    this.#isDirty = true;
    if (this.#isReconciling) return;
    this.#isReconciling = true;
    while (this.#isDirty) {
      this.#isDirty = false;
      const { actions, wakeAtMs } = reconcile(this.#observe());
      for (const action of actions) this.#act(action);
      if (actions.length > 0) this.#isDirty = true;
      this.#wakeAt(wakeAtMs);
    }
    this.#isReconciling = false;
    this.#noteState();
    this.#onChange();
  }

  #observe(): Observed {
    return {
      nowMs: this.#surroundings.clock.now(),
      intent: this.#intent,
      isReloadWanted: this.#reloads.isWanted,
      isIntensityExceeded: this.record.isIntensityExceeded,
      retryAtMs: this.#retryAtMs,
      generations: this.generations.observe(),
    };
  }

  #act(action: Action): void {
    if (action.do === 'open-live') this.#open('live');
    else if (action.do === 'open-candidate') this.#open('proving');
    else this.#tending[action.do](this.generations.get(action.generation));
  }

  #open(phase: 'live' | 'proving'): void {
    this.#reloads.begin();
    this.#retryAtMs = undefined;
    try {
      const { number } = this.generations.open(phase);
      this.record.openFailure = undefined;
      this.#log.info(
        { event: `generation.${phase}`, generation: number },
        `generation ${number} is ${phase}`,
      );
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      this.record.openFailure = this.record.trouble(
        error.message,
        error.hint === undefined ? [] : [error.hint],
      );
      if (phase === 'live')
        this.#retryAtMs = this.#surroundings.clock.now() + this.plan.lifecycle.backoffMaxMs;
      this.#log.error({ event: 'pool.failed', code: error.code, hint: error.hint }, error.message);
      this.#reloads.settle({
        kind: 'refused',
        reason: error.message,
        output: this.record.openFailure.output,
      });
    }
  }

  #renew(generation: Generation): void {
    this.#reloads.begin();
    this.#forgetTrouble();
    const { number } = this.generations.renew(generation);
    this.#log.info({ event: 'generation.live', generation: number }, 'new workers take over what waits');
  }

  #switchTo(generation: Generation): void {
    this.generations.switchTo(generation);
    this.record.refusal = undefined;
    this.#log.info(
      { event: 'generation.switched', generation: generation.number },
      `generation ${generation.number} serves now`,
    );
    this.#reloads.settle({ kind: 'switched', generation: generation.number });
  }

  #refuse(generation: Generation): void {
    const { reason, output } = this.record.lastDeath ?? this.record.trouble('a worker was lost');
    this.generations.refuse(generation);
    this.record.refusal = this.record.trouble(reason, output);
    this.#log.error(
      { event: 'reload.refused', generation: generation.number, output },
      `reload refused: ${reason}`,
    );
    this.#reloads.settle({ kind: 'refused', reason, output });
  }

  #startWorkers(generation: Generation): void {
    this.#retryAtMs = undefined;
    generation.startWorkers();
  }

  #giveUp(generation: Generation): void {
    generation.giveUp();
    this.#retryAtMs = this.#surroundings.clock.now() + this.plan.lifecycle.backoffMaxMs;
    const reason = this.record.lastDeath?.reason ?? 'its workers died too often';
    const output = this.record.lastDeath?.output ?? [];
    this.#log.error({ event: 'pool.failed', output }, `pool failed for now: ${reason}`);
    this.#reloads.settle({ kind: 'refused', reason, output });
  }

  #noteDeath(death: Death): void {
    const isLive = this.generations.live?.number === death.generation;
    this.record.noteDeath(death, !isLive);
  }

  #noteState(): void {
    const { state } = this;
    if (state === this.#notedState) return;
    this.#notedState = state;
    if (state === 'running') {
      this.#wasRunning = true;
      this.record.forgetEarlyDeaths();
      const number = this.generations.live?.number ?? 0;
      this.#log.info({ event: 'pool.running', generation: number }, 'pool is running');
      if (!this.generations.isProving) this.#reloads.settle({ kind: 'switched', generation: number });
    } else {
      this.#log.info({ event: `pool.${state}` }, `pool is ${state}`);
    }
  }

  #wakeAt(wakeAtMs: number | undefined): void {
    this.#timer?.cancel();
    this.#timer =
      wakeAtMs === undefined ? undefined : this.#surroundings.clock.at(wakeAtMs, () => this.#reconcile());
  }

  #forgetTrouble(): void {
    this.#retryAtMs = undefined;
    this.record.openFailure = undefined;
    this.record.forgetEarlyDeaths();
  }
}
