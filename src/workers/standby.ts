import { RunfcgidError } from '../errors.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { LaunchRequest, TreeProcess } from './launcher.ts';
import { Reserve } from './reserve.ts';

export interface StandbyOptions {
  readonly clock: Clock;
  /** Unique among all that the fork server is asked for. */
  readonly nextId: () => number;
  /** Asks the fork server for it, unless there is none at present. */
  readonly ask: (reserve: Reserve) => void;
}

/** A reserve is prepared when nothing was launched for so long. */
const quietMs = 100;
/** That time doubles with each reserve that is lost before it was wanted, up to this. */
const longestQuietMs = 3_600_000;
/** How long the end of one that is not wanted any more is waited for. */
const farewellMs = 1_000;

/** Keeps one reserve ready behind the workers of a fork server, and replaces it when it is used or lost. */
export class Standby {
  readonly #options: StandbyOptions;
  #reserve: Reserve | undefined;
  #timer: Timer | undefined;
  #quietMs = quietMs;
  /** When there is no reserve any more; nothing is prepared from then on. */
  #onGone: (() => void) | undefined;

  constructor(options: StandbyOptions) {
    this.#options = options;
  }

  /** The reserve that was asked for and not forked yet. */
  isAwaiting(id: number): boolean {
    return this.#reserve?.id === id && this.#reserve.root === undefined;
  }

  /** Makes the reserve a worker. `undefined`: there is none that is asleep, or none of this plan. */
  launch(request: LaunchRequest): Reserve | undefined {
    const reserve = this.#reserve;
    if (reserve?.root === undefined || this.#onGone !== undefined) return undefined;
    const isOfPlan = reserve.plan === request.plan;
    // It goes on to become the next one.
    if (isOfPlan && !reserve.isAsleep) return undefined;
    this.#reserve = undefined;
    if (isOfPlan && reserve.launch(request)) {
      this.#quietMs = quietMs;
      return reserve;
    }
    reserve.discard();
    return undefined;
  }

  /** A worker was launched, from the reserve or not. */
  noteLaunched(plan: WorkerPlan): void {
    if (this.#onGone === undefined && this.#reserve === undefined) this.#prepareSoon(plan);
  }

  noteSpawned(root: TreeProcess): void {
    this.#reserve?.noteSpawned(root);
  }

  noteSpawnFailed(id: number): void {
    if (this.#reserve?.id === id) this.#lose(this.#reserve);
  }

  /** Some child of the fork server has ended. */
  noteExited(pid: number): void {
    if (this.#reserve?.root?.pid === pid) this.#lose(this.#reserve);
  }

  /** There is no fork server any more, and nobody to tell of the end of a reserve. */
  drop(): void {
    this.#timer?.cancel();
    this.#reserve?.discard();
    this.#reserve?.closeTheirEnds();
    this.#reserve = undefined;
    this.#onGone?.();
  }

  /** No reserve is wanted any more. */
  end(onGone: () => void): void {
    this.#timer?.cancel();
    this.#onGone = onGone;
    if (this.#reserve === undefined) {
      onGone();
      return;
    }
    const { clock } = this.#options;
    this.#reserve.discard();
    this.#timer = clock.at(clock.now() + farewellMs, onGone);
  }

  #prepareSoon(plan: WorkerPlan): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.at(clock.now() + this.#quietMs, () => this.#prepare(plan));
  }

  #prepare(plan: WorkerPlan): void {
    const { nextId, ask } = this.#options;
    try {
      this.#reserve = new Reserve(nextId(), plan);
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      this.#waitLonger(plan);
      return;
    }
    ask(this.#reserve);
  }

  /** Another follows. */
  #lose(reserve: Reserve): void {
    this.#reserve = undefined;
    reserve.discard();
    if (this.#onGone === undefined) {
      this.#waitLonger(reserve.plan);
      return;
    }
    this.#timer?.cancel();
    this.#onGone();
  }

  #waitLonger(plan: WorkerPlan): void {
    this.#quietMs = Math.min(2 * this.#quietMs, longestQuietMs);
    this.#prepareSoon(plan);
  }
}
