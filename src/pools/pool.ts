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
import { type ReloadOutcome, ReloadRequests } from './reload-requests.ts';
import { type DeathHistory, isExceeded, withDeath } from './restart-intensity.ts';
import type { PoolSurroundings } from './surroundings.ts';

/** Something that went wrong, with what the operator needs to understand it. */
export interface Trouble {
  readonly at: Date;
  readonly reason: string;
  /** Last lines of output, or a hint. */
  readonly output: readonly string[];
}

/**
 * One pool: what is wanted of it, its generations, and what has happened to it. After every event it asks
 * `reconcile` what to do and does it; its condition is derived and never stored.
 */
export class Pool {
  readonly plan: PoolPlan;
  readonly generations: Generations;
  readonly #surroundings: PoolSurroundings;
  readonly #log: Log;
  readonly #onChange: () => void;
  readonly #reloads = new ReloadRequests();
  #intent: 'run' | 'stop' = 'stop';
  #wasRunning = false;
  #history: DeathHistory = [];
  #retryAtMs: number | undefined;
  #openFailure: Trouble | undefined;
  #lastDeath: (Death & Trouble) | undefined;
  #refusal: Trouble | undefined;
  #timer: Timer | undefined;
  #isReconciling = false;
  #isDirty = false;

  constructor(plan: PoolPlan, surroundings: PoolSurroundings, onChange: () => void) {
    this.plan = plan;
    this.#log = surroundings.log.child({ pool: plan.name });
    this.#surroundings = { ...surroundings, log: this.#log };
    this.#onChange = onChange;
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

  /** The last end of a worker that nobody asked for. */
  get lastDeath(): (Death & Trouble) | undefined {
    return this.#lastDeath;
  }

  /** The last reload that was refused, until one succeeds. */
  get refusal(): Trouble | undefined {
    return this.#refusal;
  }

  /** Why the sockets cannot be opened. */
  get openFailure(): Trouble | undefined {
    return this.#openFailure;
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
      this.#log.error({ event: 'address.lost', cause: describeError(error) }, 'the address cannot be published');
    }
  }

  #reconcile(): void {
    this.#isDirty = true;
    if (this.#isReconciling) return;
    this.#isReconciling = true;
    const before = this.state;
    while (this.#isDirty) {
      this.#isDirty = false;
      const { actions, wakeAtMs } = reconcile(this.#observe());
      for (const action of actions) this.#act(action);
      if (actions.length > 0) this.#isDirty = true;
      this.#wakeAt(wakeAtMs);
    }
    this.#isReconciling = false;
    this.#noteState(before);
    this.#onChange();
  }

  #observe(): Observed {
    const { lifecycle, workers } = this.plan;
    const intensity = { maxRestarts: lifecycle.maxRestarts * workers, windowMs: lifecycle.restartWindowMs };
    return {
      nowMs: this.#surroundings.clock.now(),
      intent: this.#intent,
      isReloadWanted: this.#reloads.isWanted,
      isIntensityExceeded: isExceeded(this.#history, intensity),
      retryAtMs: this.#retryAtMs,
      generations: this.generations.observe(),
    };
  }

  #act(action: Action): void {
    switch (action.do) {
      case 'open-live':
        return this.#open('live');
      case 'open-candidate':
        return this.#open('proving');
      default:
        return this.#tend(action.do, this.#generation(action.generation));
    }
  }

  #tend(what: Exclude<Action['do'], 'open-live' | 'open-candidate'>, generation: Generation): void {
    switch (what) {
      case 'renew':
        return this.#renew(generation);
      case 'switch-to':
        return this.#switchTo(generation);
      case 'refuse':
        return this.#refuse(generation);
      case 'withdraw':
        return this.generations.withdraw(generation);
      case 'stop-workers':
        return this.generations.stopWorkers(generation);
      case 'start-workers':
        return this.#startWorkers(generation);
      case 'close':
        return this.generations.close(generation);
      case 'give-up':
        return this.#giveUp(generation);
    }
  }

  #open(phase: 'live' | 'proving'): void {
    this.#reloads.begin();
    this.#retryAtMs = undefined;
    try {
      const { number } = this.generations.open(phase);
      this.#openFailure = undefined;
      this.#log.info({ event: `generation.${phase}`, generation: number }, `generation ${number} is ${phase}`);
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      this.#openFailure = this.#trouble(error.message, error.hint === undefined ? [] : [error.hint]);
      if (phase === 'live') this.#retryAtMs = this.#nextRetryMs();
      this.#log.error({ event: 'pool.failed', code: error.code, hint: error.hint }, error.message);
      this.#reloads.settle({ kind: 'refused', reason: error.message, output: this.#openFailure.output });
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
    this.#refusal = undefined;
    this.#log.info(
      { event: 'generation.switched', generation: generation.number },
      `generation ${generation.number} serves now`,
    );
    this.#reloads.settle({ kind: 'switched', generation: generation.number });
  }

  #refuse(generation: Generation): void {
    const { reason, output } = this.#lastDeath ?? this.#trouble('a worker was lost', []);
    this.generations.refuse(generation);
    this.#refusal = this.#trouble(reason, output);
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
    this.#retryAtMs = this.#nextRetryMs();
    const reason = this.#lastDeath?.reason ?? 'its workers died too often';
    const output = this.#lastDeath?.output ?? [];
    this.#log.error({ event: 'pool.failed', output }, `pool failed for now: ${reason}`);
    this.#reloads.settle({ kind: 'refused', reason, output });
  }

  #noteDeath(death: Death): void {
    this.#lastDeath = { ...death, at: this.#surroundings.clock.wallTime() };
    const { restartWindowMs, maxRestarts } = this.plan.lifecycle;
    const isCandidate = this.generations.list.some(
      ({ number, phase }) => number === death.generation && phase !== 'live',
    );
    if (!death.isEarly || isCandidate) return;
    const policy = { maxRestarts, windowMs: restartWindowMs };
    this.#history = withDeath(this.#history, this.#surroundings.clock.now(), policy);
  }

  #noteState(before: PoolState): void {
    const { state } = this;
    if (state === before) return;
    if (state === 'running') {
      this.#wasRunning = true;
      this.#history = [];
      const number = this.generations.live?.number ?? 0;
      this.#log.info({ event: 'pool.running', generation: number }, 'pool is running');
      if (!this.#isProving) this.#reloads.settle({ kind: 'switched', generation: number });
    } else {
      this.#log.info({ event: `pool.${state}` }, `pool is ${state}`);
    }
  }

  get #isProving(): boolean {
    return this.generations.list.some(({ phase }) => phase === 'proving');
  }

  #generation(number: number): Generation {
    const generation = this.generations.list.find((other) => other.number === number);
    if (generation === undefined) {
      throw new RunfcgidError('INTERNAL', `pool "${this.plan.name}" has no generation ${number}`);
    }
    return generation;
  }

  #wakeAt(wakeAtMs: number | undefined): void {
    this.#timer?.cancel();
    this.#timer =
      wakeAtMs === undefined ? undefined : this.#surroundings.clock.at(wakeAtMs, () => this.#reconcile());
  }

  #nextRetryMs(): number {
    return this.#surroundings.clock.now() + this.plan.lifecycle.backoffMaxMs;
  }

  #forgetTrouble(): void {
    this.#retryAtMs = undefined;
    this.#openFailure = undefined;
    this.#history = [];
  }

  #trouble(reason: string, output: readonly string[]): Trouble {
    return { at: this.#surroundings.clock.wallTime(), reason, output };
  }
}
