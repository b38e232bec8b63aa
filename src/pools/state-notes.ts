import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { PoolState } from '../status/snapshot.ts';

/**
 * A pool that is running again within this time was told of by the death of the worker and the readiness of the next: a
 * page that crashes its worker, asked for again and again, would fill the log with the ups and downs of its pool.
 */
const dipMs = 1_000;

export interface StateNotesOptions {
  readonly state: () => PoolState;
  readonly log: Log;
  readonly clock: Clock;
  /** The pool has become running. */
  readonly onRunning: () => void;
  /** Something has happened, whether or not the state is another. */
  readonly onNoted: (state: PoolState) => void;
}

/**
 * Tells of the state of a pool, once for all that happens in one go and when that is over: what hurries, the launch of
 * a dead worker's successor, does not wait for a log.
 */
export class StateNotes {
  readonly #options: StateNotesOptions;
  #noted: PoolState = 'stopped';
  /** As it was last logged. */
  #logged: PoolState = 'stopped';
  #isDue = false;
  /** While it is not running for a moment. */
  #dip: Timer | undefined;

  constructor(options: StateNotesOptions) {
    this.#options = options;
  }

  noteSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#note();
    });
  }

  #note(): void {
    const { state, onRunning, onNoted } = this.#options;
    const now = state();
    if (now !== this.#noted) {
      this.#noted = now;
      this.#tell(now);
      if (now === 'running') onRunning();
    }
    onNoted(state());
  }

  #tell(now: PoolState): void {
    if (this.#logged === 'running' && (now === 'degraded' || now === 'starting')) {
      const { clock } = this.#options;
      this.#dip ??= clock.at(clock.now() + dipMs, () => this.#log(this.#noted));
      return;
    }
    this.#log(now);
  }

  #log(state: PoolState): void {
    this.#dip?.cancel();
    this.#dip = undefined;
    if (state === this.#logged) return;
    this.#logged = state;
    this.#options.log.info({ event: `pool.${state}` }, `pool is ${state}`);
  }
}
