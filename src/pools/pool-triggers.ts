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
  /** Generations that had not read the newest code when something else began to be watched. */
  readonly #outdated = new Set<number>();
  #plan: ReloadPlan | undefined;
  #triggers: Triggers | undefined;

  constructor(surroundings: PoolSurroundings, onFire: (event: TriggerEvent) => void) {
    this.#surroundings = surroundings;
    this.#onFire = onFire;
  }

  /**
   * Watches what the plan names; does nothing when it does so already. The generations that are there, by their
   * numbers, are taken to have seen what they would see now, except those that had missed something already.
   */
  watch(plan: ReloadPlan, present: readonly number[] = []): void {
    if (this.#plan !== undefined && isSameWatch(this.#plan, plan)) return;
    const outdated = present.filter((generation) => this.haveFiredSince(generation));
    this.rest();
    this.#plan = plan;
    this.#triggers = this.#surroundings.createTriggers(plan, this.#surroundings.log, this.#onFire);
    const fingerprint = this.fingerprint();
    for (const generation of present) this.remember(generation, fingerprint);
    for (const generation of outdated) this.#outdated.add(generation);
  }

  rest(): void {
    this.#plan = undefined;
    this.#triggers?.close().catch(() => {});
    this.#triggers = undefined;
    this.#seen.clear();
    this.#outdated.clear();
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
    this.#outdated.delete(generation);
  }

  /** `heir` runs the code that was read for `generation`. */
  inherit(generation: number, heir: number): void {
    this.remember(heir, this.#seen.get(generation));
    if (this.#outdated.has(generation)) this.#outdated.add(heir);
  }

  /** The code may be newer than what the generation has read. */
  haveFiredSince(generation: number): boolean {
    if (this.#outdated.has(generation)) return true;
    const seen = this.#seen.get(generation);
    return seen !== undefined && this.#triggers?.hasChangedSince(seen) !== undefined;
  }
}

function isSameWatch(one: ReloadPlan, other: ReloadPlan): boolean {
  return JSON.stringify([one.touchFiles, one.watch]) === JSON.stringify([other.touchFiles, other.watch]);
}
