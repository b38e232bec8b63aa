import { describeError } from '../errors.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import { killIfIdle } from '../sockets/freeze.ts';
import type { TreeProcess } from './launcher.ts';

export interface RetirementOptions {
  readonly tree: () => readonly TreeProcess[];
  readonly socket: ListenSocket;
  /** Sent at the first moment without a connection; a program may still have work to end. */
  readonly stopSignal: NodeJS.Signals;
  readonly clock: Clock;
  readonly log: Log;
}

/** From the stop signal to the SIGKILL that follows at a moment without a connection. */
const patienceMs = 2_000;
const firstDelayMs = 1;
const longestDelayMs = 50;

/**
 * Ends a process tree that others' connections must not end with: freezes it, looks, and signals it only when it
 * holds no connection (sockets/freeze.ts); otherwise it goes on, and is looked at again a little later.
 */
export class Retirement {
  readonly #options: RetirementOptions;
  #isCancelled = false;
  #timer: Timer | undefined;
  #signaledAtMs: number | undefined;
  #delayMs = firstDelayMs;

  constructor(options: RetirementOptions) {
    this.#options = options;
    this.#begin();
  }

  /** Looks no more. A look under way lets the processes go on. */
  cancel(): void {
    this.#isCancelled = true;
    this.#timer?.cancel();
  }

  /** Without rights to look, the graceful timeout ends the worker by its stop signal. */
  #begin(): void {
    this.#look().catch((error: unknown) => {
      const cause = describeError(error);
      this.#options.log.warn(
        { event: 'retirement.failed', cause },
        'a worker cannot be looked into to retire it',
      );
    });
  }

  async #look(): Promise<void> {
    const { socket, tree, clock } = this.#options;
    const outcome = await killIfIdle({
      sockets: [socket],
      tree: () => (this.#isCancelled ? [] : tree().map(({ pid }) => pid)),
      clock,
      signal: this.#signal(),
    });
    if (this.#isCancelled || outcome === 'gone') return;
    if (outcome === 'killed') this.#signaledAtMs ??= clock.now();
    this.#timer = clock.at(clock.now() + this.#delayMs, () => this.#begin());
    this.#delayMs = Math.min(longestDelayMs, this.#delayMs * 2);
  }

  #signal(): NodeJS.Signals {
    const { clock, stopSignal } = this.#options;
    const isPatient = this.#signaledAtMs === undefined || clock.now() - this.#signaledAtMs < patienceMs;
    return isPatient ? stopSignal : 'SIGKILL';
  }
}
