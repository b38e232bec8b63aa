import type { Log } from '../host/log.ts';
import type { PoolState } from '../status/snapshot.ts';

export interface StateNotesOptions {
  readonly state: () => PoolState;
  readonly log: Log;
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
  /** As it was last logged. */
  #noted: PoolState = 'stopped';
  #isDue = false;

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
    const { state, log, onRunning, onNoted } = this.#options;
    const now = state();
    if (now !== this.#noted) {
      this.#noted = now;
      log.info({ event: `pool.${now}` }, `pool is ${now}`);
      if (now === 'running') onRunning();
    }
    onNoted(state());
  }
}
