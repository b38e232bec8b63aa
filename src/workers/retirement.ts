import { describeError } from '../errors.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { isAccepting } from '../host/procfs.ts';
import { readTables } from '../host/socket-tables.ts';
import { ConnectionReader } from '../sockets/connection-reader.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import { signalIfIdle } from '../sockets/freeze.ts';
import { countAccepted, readOccupancy } from '../sockets/occupancy.ts';
import type { TreeProcess } from './launcher.ts';
import type { Retiring } from './worker-contract.ts';

export interface RetirementOptions {
  readonly tree: () => readonly TreeProcess[];
  readonly socket: ListenSocket;
  /** Sent at the first moment without a connection; a program may still have work to end. */
  readonly stopSignal: NodeJS.Signals;
  readonly clock: Clock;
  readonly log: Log;
}

/** From the stop signal on: how long a program may wait for connections, or serve others, before it is given up. */
const patienceMs = { waiting: 200, serving: 2_000 } as const;
const firstDelayMs = 1;
const longestDelayMs = 20;

/**
 * Ends a process tree that others' connections must not end with: freezes it, looks, and signals it only when it
 * holds no connection (sockets/freeze.ts); otherwise it goes on, and is looked at again a little later.
 *
 * The stop signal is sent once: some programs drop what they do at a second one. A program may work on after its
 * response, and then ends by itself; SIGKILL follows only for one that waits for its next connection in spite of
 * the signal, or serves on. For all others there is the graceful timeout.
 */
export class Retirement implements Retiring {
  readonly #options: RetirementOptions;
  #isCancelled = false;
  #timer: Timer | undefined;
  #delayMs = firstDelayMs;
  #signaledAtMs: number | undefined;
  /** It was found busy after it was found idle and told to end. */
  #servesOn = false;

  constructor(options: RetirementOptions) {
    this.#options = options;
    this.#begin();
  }

  get isSignaled(): boolean {
    return this.#signaledAtMs !== undefined;
  }

  /** Connections that it has in hand now; `undefined` when that cannot be seen. */
  connections(): number | undefined {
    const { socket, tree } = this.#options;
    const watched = { socket, pids: () => tree().map(({ pid }) => pid) };
    const [occupancy] = readOccupancy([watched], new ConnectionReader(), readTables());
    return occupancy === undefined || occupancy.unknown.length > 0 ? undefined : countAccepted(occupancy);
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
    const outcome = await signalIfIdle({
      sockets: [socket],
      tree: () => (this.#isCancelled ? [] : tree()),
      clock,
      chooseSignal: (pids) => this.#chooseSignal(pids),
    });
    if (this.#isCancelled || outcome === 'gone') return;
    if (outcome === 'busy' && this.#signaledAtMs !== undefined) this.#servesOn = true;
    this.#timer = clock.at(clock.now() + this.#delayMs, () => this.#begin());
    this.#delayMs = Math.min(longestDelayMs, this.#delayMs * 2);
  }

  #chooseSignal(pids: readonly number[]): NodeJS.Signals | undefined {
    const { clock, stopSignal } = this.#options;
    if (this.#signaledAtMs === undefined) {
      this.#signaledAtMs = clock.now();
      return stopSignal;
    }
    const sinceMs = clock.now() - this.#signaledAtMs;
    const isGivenUp =
      (this.#servesOn && sinceMs >= patienceMs.serving) ||
      (sinceMs >= patienceMs.waiting && pids.every(isAccepting));
    return isGivenUp ? 'SIGKILL' : undefined;
  }
}
