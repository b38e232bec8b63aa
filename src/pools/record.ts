import { formatDuration } from '../config/units.ts';
import type { RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { LifecyclePlan } from '../plan/plan.ts';
import { type StopDeadlines, stopDeadlines } from '../plan/stop-deadlines.ts';
import type { Worker } from '../workers/worker.ts';
import type { Death } from '../workers/worker-contract.ts';
import type { Wear } from '../workers/worker-vocabulary.ts';
import { RequestRecord, type RequestSurroundings } from './request-record.ts';
import { type DeathHistory, isExceeded, withDeath } from './restart-intensity.ts';

/** Something that went wrong, with what the operator needs to understand it. */
export interface Trouble {
  readonly at: Date;
  /** One sentence. */
  readonly reason: string;
  /** Last lines of output, or a hint. */
  readonly output: readonly string[];
}

export interface Recycling extends Wear {
  readonly at: Date;
  readonly worker: string;
}

export interface Cut {
  readonly at: Date;
  readonly worker: string;
  /** `undefined`: an unknown number. */
  readonly connections: number | undefined;
}

/** As many as a pool can have workers. */
const mostCuts = 1_024;

/** What has happened to a pool and still matters. */
export class PoolRecord {
  readonly #clock: Clock;
  readonly #log: Log;
  #earlyDeaths: DeathHistory = [];
  #isHopeless = false;
  /** When it is to have stopped, once that was asked for. */
  stop: StopDeadlines | undefined;
  readonly requests: RequestRecord;
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

  /** Workers that were replaced because they had reached a limit, since the daemon started. */
  recycled = 0;
  lastRecycling: Recycling | undefined;
  /** The last workers that were told to end with connections in hand, the oldest first. */
  cuts: readonly Cut[] = [];

  constructor(pool: string, surroundings: RequestSurroundings) {
    this.#clock = surroundings.clock;
    this.#log = surroundings.log;
    this.requests = new RequestRecord(pool, surroundings);
  }

  /**
   * More early deaths in the window than are tolerated (the intensity is meant for each worker), or one that says
   * that every other would end the same.
   */
  isIntensityExceeded({ maxRestarts }: LifecyclePlan, workers: number): boolean {
    return this.#isHopeless || isExceeded(this.#earlyDeaths, { maxRestarts: maxRestarts * workers });
  }

  /** It was asked to stop now. */
  noteStop(lifecycle: LifecyclePlan): void {
    this.stop = stopDeadlines(lifecycle, this.#clock.now());
    const { gracefulTimeoutMs } = lifecycle;
    const text = `asked to stop: what is not finished in ${formatDuration(gracefulTimeoutMs)} is killed`;
    this.#log.info({ event: 'pool.asked-to-stop', gracefulTimeoutMs }, text);
  }

  /** It was asked to end now, whether or not it was to stop before. */
  noteKill(): void {
    const nowMs = this.#clock.now();
    this.stop = { drainByMs: nowMs, endByMs: nowMs };
    this.#log.info({ event: 'pool.killed' }, 'asked to stop now: its workers are killed');
  }

  /** @param of `isBeside`: of a candidate or a successor, whose deaths say nothing about those that serve. */
  noteDeath(death: Death, of: { isBeside: boolean; hasReadyWorkers: boolean; windowMs: number }): void {
    this.lastDeath = { ...death, at: this.#clock.wallTime() };
    if (of.isBeside) return;
    this.deaths += 1;
    if (death.cause === 'not-started' && !of.hasReadyWorkers) this.#isHopeless = true;
    const { windowMs } = of;
    if (death.isEarly) this.#earlyDeaths = withDeath(this.#earlyDeaths, this.#clock.now(), windowMs);
  }

  /** Another worker has taken over from one that had reached a limit. */
  noteRecycled({ id, pid }: Worker, { reason, detail }: Wear): void {
    this.recycled += 1;
    this.lastRecycling = { at: this.#clock.wallTime(), worker: id, reason, detail };
    const text = detail === '' ? reason : `${reason}, ${detail}`;
    this.#log.info({ event: 'worker.recycled', worker: id, pid, reason }, `worker is replaced: ${text}`);
  }

  /** A worker was told to end with connections in hand. */
  noteCut({ id }: Worker, connections: number | undefined): void {
    this.cuts = [...this.cuts, { at: this.#clock.wallTime(), worker: id, connections }].slice(-mostCuts);
  }

  /** What kept the pool from serving is over, or is tried again from the beginning. */
  forgetTrouble(): void {
    this.openFailure = undefined;
    this.refusal = undefined;
    this.forgetEarlyDeaths();
  }

  forgetEarlyDeaths(): void {
    this.#earlyDeaths = [];
    this.#isHopeless = false;
  }

  /** Why no more workers are started for now. */
  get whyGivenUp(): Trouble {
    return this.lastDeath ?? this.trouble('its workers died too often');
  }

  troubleOf({ message, hint }: RunfcgidError): Trouble {
    return this.trouble(message, hint === undefined ? [] : [hint]);
  }

  trouble(reason: string, output: readonly string[] = []): Trouble {
    return { at: this.#clock.wallTime(), reason, output };
  }
}
