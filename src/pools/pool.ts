import { describeError } from '../errors.ts';
import type { Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { changeBetween } from '../plan/diff.ts';
import type { PoolPlan } from '../plan/plan.ts';
import type { PoolState } from '../status/snapshot.ts';
import { poolState } from './condition.ts';
import type { Generations } from './generations.ts';
import { MemoryWatch } from './memory-watch.ts';
import type { Observed } from './observation.ts';
import { reconcile } from './reconcile.ts';
import type { PoolRecord } from './record.ts';
import type { ReloadOutcome } from './reload-requests.ts';
import { StateNotes } from './state-notes.ts';
import { Succession } from './succession.ts';
import type { PoolSurroundings } from './surroundings.ts';
import { isReady } from './worker-standing.ts';

/**
 * One pool: what is wanted of it, its generations, and what has happened to it. After every event it asks
 * `reconcile` what to do and does it; its condition is derived and never stored.
 */
export class Pool {
  readonly #surroundings: PoolSurroundings;
  readonly #succession: Succession;
  readonly #memory: MemoryWatch;
  readonly #notes: StateNotes;
  readonly #log: Log;
  #plan: PoolPlan;
  /** The plan as it was configured, without `scale`. */
  #configured: PoolPlan;
  #intent: 'run' | 'stop' = 'stop';
  #wasRunning = false;
  #timer: Timer | undefined;
  #isReconciling = false;
  #isDirty = false;

  constructor(plan: PoolPlan, surroundings: PoolSurroundings, onChange: () => void) {
    this.#plan = plan;
    this.#configured = plan;
    this.#log = surroundings.log.child({ pool: plan.name });
    this.#surroundings = { ...surroundings, log: this.#log };
    this.#succession = new Succession(plan, this.#surroundings, {
      onChange: () => this.#reconcile(),
      onFire: ({ summary }) => {
        this.record.lastTrigger = { at: surroundings.clock.wallTime(), summary };
        void this.reload();
      },
    });
    this.#memory = new MemoryWatch({
      ...this.#surroundings,
      limit: () => this.#plan.lifecycle.memory,
      workers: () => this.generations.live?.workers ?? [],
    });
    this.#notes = new StateNotes({
      ...this.#surroundings,
      state: () => this.state,
      onRunning: () => {
        this.#wasRunning = true;
        this.#succession.noteRunning();
      },
      onNoted: (state) => {
        if (state === 'running') this.#succession.settleServing();
        onChange();
      },
    });
  }

  /** The plan from the configuration, whatever was scaled since. */
  get configured(): PoolPlan {
    return this.#configured;
  }

  /** What is wanted of it now. */
  get plan(): PoolPlan {
    return this.#plan;
  }

  /** It shall run: it was started, and not stopped since. */
  get isWanted(): boolean {
    return this.#intent === 'run';
  }

  get generations(): Generations {
    return this.#succession.generations;
  }

  get record(): PoolRecord {
    return this.#succession.record;
  }

  get state(): PoolState {
    const { live, yielding, list } = this.generations;
    const workers = live?.workers ?? [];
    return poolState({
      intent: this.#intent,
      isEmpty: list.length === 0,
      workers: [...workers, ...yielding].map((worker) => worker.state.name),
      wanted: yielding.length > 0 ? this.#plan.workers : workers.length,
      hasGivenUp: this.retryAtMs !== undefined,
      wasRunning: this.#wasRunning,
    });
  }

  /** Monotonic milliseconds of the next attempt of a pool that gave up. */
  get retryAtMs(): number | undefined {
    return this.#succession.retryAtMs;
  }

  /** Wants the pool to run; a pool that gave up tries again at once. */
  start(): void {
    this.#intent = 'run';
    this.record.stop = undefined;
    this.#succession.triggers.watch(this.#plan.reload);
    this.#memory.watch();
    this.#succession.tryAgainNow();
    this.#reconcile();
  }

  /** Wants the pool to finish what it has, and end. */
  stop(): void {
    if (this.#intent === 'run') this.record.noteStop(this.#plan.lifecycle);
    this.#intent = 'stop';
    this.#wasRunning = false;
    this.#memory.rest();
    this.#succession.triggers.rest();
    this.#succession.forgetTrouble();
    this.#succession.reloads.cancel('the pool was stopped');
    this.#reconcile();
  }

  /** Ends every process now, also when it is to stop already and finishes what it has. */
  kill(): void {
    this.#intent = 'stop'; // before `stop` notes how long there is to finish
    this.stop();
    if (this.generations.list.length > 0) this.record.noteKill();
    this.generations.killAll();
    this.#reconcile();
  }

  /**
   * Replaces every worker by a new one without losing a request, or not at all. Resolves when the new ones serve
   * or were refused. A pool that serves nothing has nothing to protect: it is started, or tries again.
   */
  reload(): Promise<ReloadOutcome> {
    const outcome = this.#succession.reloads.add();
    this.start();
    return outcome;
  }

  /** Takes a reload back, see succession.ts. False when there is nothing to take back. */
  takeBack(): boolean {
    if (this.#intent === 'stop' || !this.#succession.takeBack()) return false;
    this.#reconcile();
    return true;
  }

  /** Changes the number of workers; the others go on. Like `apply`, this may need a reload. */
  scale(workers: number): Promise<ReloadOutcome> | undefined {
    this.#plan = { ...this.#plan, workers };
    this.#succession.follow(this.#plan);
    return this.#resize();
  }

  /**
   * Wants another plan of the same pool. What can change under running workers does; otherwise this is a reload,
   * and resolves like one. `undefined`: no reload was needed.
   */
  apply(plan: PoolPlan): Promise<ReloadOutcome> | undefined {
    const change = changeBetween(this.#plan, plan);
    this.#plan = plan;
    this.#configured = plan;
    this.#succession.follow(plan);
    const present = this.generations.list.map(({ number }) => number);
    if (this.#intent === 'run') {
      this.#memory.watch();
      this.#succession.triggers.watch(plan.reload, present);
    }
    if (change === 'adjust') this.generations.live?.adopt(plan);
    if (change === 'roll' && this.#intent === 'run') return this.reload();
    return this.#resize();
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

  /** Where code or configuration have changed since, more workers are new ones, proven together. */
  #resize(): Promise<ReloadOutcome> | undefined {
    const { live, isRolling } = this.generations;
    const isMore = live !== undefined && !isRolling && live.workers.length < this.#plan.workers;
    const hasReady = live?.workers.some(({ state }) => isReady(state.name)) ?? false;
    if (this.#intent === 'run' && isMore && hasReady && this.#succession.isOutdated()) return this.reload();
    this.#reconcile();
    return undefined;
  }

  #reconcile(): void {
    this.#isDirty = true;
    if (this.#isReconciling) return;
    this.#isReconciling = true;
    try {
      while (this.#isDirty) this.#step();
    } finally {
      this.#isReconciling = false;
    }
    this.#notes.noteSoon();
  }

  #step(): void {
    this.#isDirty = false;
    const { actions, wakeAtMs } = reconcile(this.#observe());
    for (const action of actions) this.#succession.act(action);
    if (actions.length > 0) this.#isDirty = true;
    this.#wakeAt(wakeAtMs);
  }

  #observe(): Observed {
    const { workers, lifecycle, reload } = this.#plan;
    return {
      nowMs: this.#surroundings.clock.now(),
      intent: this.#intent,
      wanted: workers,
      surge: reload.surge,
      isReloadWanted: this.#succession.reloads.isWanted,
      isOutdated: () => this.#succession.isOutdated(),
      isIntensityExceeded: this.record.isIntensityExceeded(lifecycle, workers),
      mayReloadAtMs: this.#succession.unasked.mayAtMs,
      retryAtMs: this.retryAtMs,
      drainByMs: this.record.stop?.drainByMs,
      generations: this.generations.observe(),
    };
  }

  #wakeAt(wakeAtMs: number | undefined): void {
    this.#timer?.cancel();
    this.#timer =
      wakeAtMs === undefined ? undefined : this.#surroundings.clock.at(wakeAtMs, () => this.#reconcile());
  }
}
