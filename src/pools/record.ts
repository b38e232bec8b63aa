import type { Clock } from '../host/clock.ts';
import type { LifecyclePlan } from '../plan/plan.ts';
import type { Death } from '../workers/worker-contract.ts';
import { type DeathHistory, isExceeded, withDeath } from './restart-intensity.ts';

/** Something that went wrong, with what the operator needs to understand it. */
export interface Trouble {
  readonly at: Date;
  /** One sentence. */
  readonly reason: string;
  /** Last lines of output, or a hint. */
  readonly output: readonly string[];
}

/** What has happened to a pool and still matters. */
export class PoolRecord {
  readonly #clock: Clock;
  #earlyDeaths: DeathHistory = [];
  #isHopeless = false;
  /** Deaths in a live generation since the daemon started. */
  deaths = 0;
  /** The last end of a worker that nobody asked for. */
  lastDeath: (Death & Trouble) | undefined;
  /** The last reload that was refused, until one succeeds or the workers from before are gone. */
  refusal: Trouble | undefined;
  /** Why the configuration that was read last cannot be used. */
  refusedPlan: Trouble | undefined;
  /** Why the sockets cannot be opened. */
  openFailure: Trouble | undefined;
  /** The file that fired last. */
  lastTrigger: { readonly at: Date; readonly summary: string } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * More early deaths in the window than are tolerated (the intensity is meant for each worker), or one that says
   * that every other would end the same.
   */
  isIntensityExceeded({ maxRestarts }: LifecyclePlan, workers: number): boolean {
    return this.#isHopeless || isExceeded(this.#earlyDeaths, { maxRestarts: maxRestarts * workers });
  }

  /** @param of the generation that the worker belonged to: the deaths of a candidate say nothing about the pool. */
  noteDeath(death: Death, of: { isCandidate: boolean; hasReadyWorkers: boolean; windowMs: number }): void {
    this.lastDeath = { ...death, at: this.#clock.wallTime() };
    if (of.isCandidate) return;
    this.deaths += 1;
    if (death.cause === 'not-started' && !of.hasReadyWorkers) this.#isHopeless = true;
    const { windowMs } = of;
    if (death.isEarly) this.#earlyDeaths = withDeath(this.#earlyDeaths, this.#clock.now(), windowMs);
  }

  forgetEarlyDeaths(): void {
    this.#earlyDeaths = [];
    this.#isHopeless = false;
  }

  trouble(reason: string, output: readonly string[] = []): Trouble {
    return { at: this.#clock.wallTime(), reason, output };
  }
}
