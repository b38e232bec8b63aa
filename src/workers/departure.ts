import type { Log } from '../host/log.ts';
import type { LifecyclePlan } from '../plan/plan.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import type { Life } from './life.ts';
import type { Retire, Retiring } from './worker-contract.ts';

export interface DepartureOptions {
  readonly socket: ListenSocket;
  readonly retire: Retire;
  readonly log: Log;
  readonly onCut: (connections: number | undefined) => void;
}

/** How the process of a worker leaves a socket that others go on serving. */
export class Departure {
  readonly #options: DepartureOptions;
  #retiring: Retiring | undefined;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** It looks for a moment to end at, and there was none yet. */
  get isLooking(): boolean {
    return this.#retiring?.isSignaled === false;
  }

  begin(life: Life, { retirement, stopSignal }: LifecyclePlan): void {
    if (retirement === 'signal') {
      life.stop(stopSignal);
      return;
    }
    const { socket, retire } = this.#options;
    this.#retiring = retire({ tree: () => life.tree(), socket, stopSignal });
  }

  /** The process is about to be told to end, moment or no moment: says what it has in hand. */
  reportCut(pid: number | undefined): void {
    const connections = this.isLooking ? this.#retiring?.connections() : 0;
    if (connections === 0) return;
    this.#options.log.warn(
      { event: 'worker.cut', pid, connections },
      `no moment without a connection was found: told to end with ${connections ?? 'unknown'} in hand`,
    );
    this.#options.onCut(connections);
  }

  end(): void {
    this.#retiring?.cancel();
    this.#retiring = undefined;
  }
}
