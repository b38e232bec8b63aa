import type { ReloadPlan } from '../plan/plan.ts';
import type { TriggerEvent } from '../triggers/event.ts';
import type { Fingerprint } from '../triggers/fingerprint.ts';
import type { Triggers } from '../triggers/triggers.ts';
import type { PoolSurroundings } from './surroundings.ts';

/**
 * The triggers of a pool while it runs, and what each generation had seen of them when it was opened, before it
 * read its code.
 */
export class PoolTriggers {
  readonly #surroundings: PoolSurroundings;
  readonly #onFire: (event: TriggerEvent) => void;
  readonly #seen = new Map<number, Fingerprint>();
  #plan: ReloadPlan | undefined;
  #triggers: Triggers | undefined;

  constructor(surroundings: PoolSurroundings, onFire: (event: TriggerEvent) => void) {
    this.#surroundings = surroundings;
    this.#onFire = onFire;
  }

  /** Watches what the plan names; does nothing when it does so already. */
  watch(plan: ReloadPlan): void {
    if (this.#plan !== undefined && isSameWatch(this.#plan, plan)) return;
    this.rest();
    this.#plan = plan;
    this.#triggers = this.#surroundings.createTriggers(plan, this.#surroundings.log, this.#onFire);
  }

  rest(): void {
    this.#plan = undefined;
    this.#triggers?.close().catch(() => {});
    this.#triggers = undefined;
    this.#seen.clear();
  }

  /** To be taken before a generation is opened. */
  fingerprint(): Fingerprint | undefined {
    return this.#triggers?.fingerprint();
  }

  /** What the generation had seen. */
  remember(generation: number, fingerprint: Fingerprint | undefined): void {
    if (fingerprint !== undefined) this.#seen.set(generation, fingerprint);
  }

  /** Nobody asks about the generation any more. */
  forget(generation: number): void {
    this.#seen.delete(generation);
  }

  /** `heir` runs the code that was read for `generation`. */
  inherit(generation: number, heir: number): void {
    this.remember(heir, this.#seen.get(generation));
  }

  /** The code may be newer than what the generation has read. */
  haveFiredSince(generation: number): boolean {
    const seen = this.#seen.get(generation);
    return seen !== undefined && this.#triggers?.hasChangedSince(seen) !== undefined;
  }
}

function isSameWatch(one: ReloadPlan, other: ReloadPlan): boolean {
  return JSON.stringify([one.touchFiles, one.watch]) === JSON.stringify([other.touchFiles, other.watch]);
}
