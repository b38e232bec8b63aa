import type { Clock, Timer } from '../host/clock.ts';
import type { PoolPlan } from '../plan/plan.ts';
import type { Worker } from '../workers/worker.ts';
import type { PoolSurroundings } from './surroundings.ts';

/** A worker that joins others on a live socket is taken for ready when it has lived this long. */
const settleMs = 1_000;

/**
 * Finds out which starting workers have become ready.
 *
 * A worker of the engine says so itself. Any other is ready when it is seen holding one of our connections
 * (probes/accept-proof.ts). That cannot be asked of a worker that joins ready ones on the same socket, because
 * they would take the connections and serve the site with one worker fewer: such a worker runs code that was
 * proven when its generation began, and only has to stay alive for a moment.
 */
export class Proof {
  readonly #workers: () => readonly Worker[];
  readonly #plan: PoolPlan;
  readonly #clock: Clock;
  readonly #proveAccept: PoolSurroundings['proveAccept'];
  #timers = new Map<Worker, Timer>();
  #running: AbortController | undefined;
  #isWanted = false;

  constructor(workers: () => readonly Worker[], plan: PoolPlan, surroundings: PoolSurroundings) {
    this.#workers = workers;
    this.#plan = plan;
    this.#clock = surroundings.clock;
    this.#proveAccept = surroundings.proveAccept;
  }

  /** To be called whenever a worker was spawned. */
  run(): void {
    if (this.#plan.worker.hasChannel) return;
    this.#isWanted = true;
    if (this.#running === undefined) queueMicrotask(() => this.#start());
  }

  stop(): void {
    this.#isWanted = false;
    this.#running?.abort();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #start(): void {
    if (!this.#isWanted || this.#running !== undefined) return;
    this.#isWanted = false;
    const starting = this.#workers().filter((worker) => worker.state.name === 'starting');
    const joining = starting.filter((worker) => this.#hasReadyNeighbour(worker));
    for (const worker of joining) this.#settle(worker);
    const alone = starting.filter((worker) => !joining.includes(worker));
    if (alone.length > 0) void this.#hold(alone);
  }

  #settle(worker: Worker): void {
    const { pid } = worker;
    this.#timers.get(worker)?.cancel();
    const becomeReady = (): void => {
      this.#timers.delete(worker);
      if (worker.pid === pid) worker.becomeReady();
    };
    this.#timers.set(worker, this.#clock.at(this.#clock.now() + settleMs, becomeReady));
  }

  async #hold(workers: readonly Worker[]): Promise<void> {
    const abort = new AbortController();
    this.#running = abort;
    const sockets = [...new Set(workers.map((worker) => worker.socket))].map((socket) => ({
      socket,
      workers: workers
        .filter((worker) => worker.socket === socket)
        .map((worker) => ({ id: worker.id, pids: () => worker.treePids() })),
    }));
    try {
      await this.#proveAccept({
        sockets,
        timeoutMs: this.#plan.lifecycle.bootTimeoutMs,
        clock: this.#clock,
        signal: abort.signal,
        onProven: (id) => workers.find((worker) => worker.id === id)?.becomeReady(),
      });
    } finally {
      this.#running = undefined;
      this.#start();
    }
  }

  #hasReadyNeighbour(worker: Worker): boolean {
    return this.#workers().some((other) => other.state.name === 'ready' && other.socket === worker.socket);
  }
}
