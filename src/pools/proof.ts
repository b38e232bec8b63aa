import { describeError } from '../errors.ts';
import type { Timer } from '../host/clock.ts';
import type { PoolPlan } from '../plan/plan.ts';
import type { ProofFailure } from '../probes/proof-answer.ts';
import { exchangeOf } from '../probes/proof-exchange.ts';
import type { Worker } from '../workers/worker.ts';
import type { PoolSurroundings } from './surroundings.ts';
import { isReady } from './worker-standing.ts';

/** A worker that joins others on a live socket is taken for ready when it has lived this long. */
const settleMs = 1_000;
/** A connection that ends may mean that the process does, whose end is the better reason: it is waited for. */
const lastChanceMs = 500;

export interface ProofOptions {
  readonly workers: () => readonly Worker[];
  /** Asked each time, because it may change while workers live. */
  readonly plan: () => PoolPlan;
  /** The code was proven elsewhere, and others serve the sockets: every worker joins them. */
  readonly areAllJoining: boolean;
  /** New workers run the code of those before them, as far as is known. */
  readonly isSameCode: () => boolean;
}

/**
 * Finds out which starting workers have become ready.
 *
 * At the level `loaded` a worker of the engine says so itself, when it is about to accept. At the others it is seen
 * holding one of our connections, and answers there what the level asks (probes/accept-proof.ts). That cannot be
 * asked of a worker that joins ready ones on the same socket, because they would take the connections and serve the
 * site with one worker fewer: such a worker runs code that was proven when its generation began. Of the engine it
 * says when it is ready, any other only has to stay alive for a moment. The same goes for one of
 * the engine that follows when all have died, unless it is known to run other code: visitors crashed those before it, and
 * must not crash it while it still has to be proven.
 */
export class Proof {
  readonly #options: ProofOptions;
  readonly #surroundings: PoolSurroundings;
  readonly #timers = new Map<Worker, { readonly pid: number | undefined; readonly timer: Timer }>();
  /** Processes that have said they are ready, by their worker. */
  readonly #loaded = new Map<Worker, number | undefined>();
  /** Processes that join others. */
  readonly #joining = new Map<Worker, number | undefined>();
  /** Workers that are being proven now. */
  readonly #batch = new Set<Worker>();
  #running: AbortController | undefined;
  #isWanted = false;
  #hasProven = false;
  #hasStopped = false;

  constructor(options: ProofOptions, surroundings: PoolSurroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
  }

  /** To be called whenever a worker was spawned. */
  run(): void {
    this.#isWanted = true;
    queueMicrotask(() => this.#start());
  }

  /** The engine has loaded the application in this worker and is about to accept. */
  noteLoaded(worker: Worker): void {
    this.#loaded.set(worker, worker.pid);
    if (this.#level === 'loaded' || this.#joining.get(worker) === worker.pid) worker.becomeReady();
  }

  stop(): void {
    this.#hasStopped = true;
    this.#running?.abort();
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  get #level(): PoolPlan['proof']['level'] {
    return this.#options.plan().proof.level;
  }

  #start(): void {
    if (!this.#isWanted || this.#hasStopped) return;
    this.#isWanted = false;
    if (this.#level === 'loaded') return;
    const starting = this.#options.workers().filter((worker) => this.#isNew(worker));
    const joining = starting.filter((worker) => this.#isJoining(worker));
    for (const worker of joining) if (worker.pid !== undefined) this.#join(worker);
    const alone = starting.filter((worker) => !joining.includes(worker));
    if (alone.length === 0) return;
    if (this.#running === undefined) this.#hold(alone).catch((error: unknown) => this.#tryAgain(error));
    else this.#isWanted = true;
  }

  #join(worker: Worker): void {
    const { pid } = worker;
    this.#joining.set(worker, pid);
    if (this.#options.plan().worker.engine === undefined)
      this.#after(settleMs, worker, () => worker.becomeReady());
    else if (this.#loaded.get(worker) === pid) worker.becomeReady();
  }

  async #hold(workers: readonly Worker[]): Promise<void> {
    const { clock, proveAccept } = this.#surroundings;
    const { proof, lifecycle } = this.#options.plan();
    const abort = new AbortController();
    this.#running = abort;
    for (const worker of workers) this.#batch.add(worker);
    const sockets = [...new Set(workers.map((worker) => worker.socket))].map((socket) => ({
      socket,
      workers: workers
        .filter((worker) => worker.socket === socket)
        .map((worker) => ({ id: worker.id, pid: () => worker.pid, pids: () => worker.treePids() })),
    }));
    const settle = (id: string, act: (worker: Worker) => void): void => {
      const worker = workers.find((each) => each.id === id);
      if (worker === undefined) return;
      this.#batch.delete(worker);
      act(worker);
    };
    try {
      await proveAccept({
        sockets,
        timeoutMs: lifecycle.bootTimeoutMs,
        clock,
        signal: abort.signal,
        exchange: exchangeOf(proof),
        onProven: (id) => {
          this.#hasProven = true;
          settle(id, (worker) => worker.becomeReady());
        },
        onRefused: (id, failure) => settle(id, (worker) => this.#refuse(worker, failure)),
      });
    } finally {
      this.#running = undefined;
      this.#batch.clear();
      this.#start();
    }
  }

  /** Out of descriptors, say. The boot timeout bounds how often. */
  #tryAgain(error: unknown): void {
    const { clock, log } = this.#surroundings;
    log.warn({ event: 'proof.failed', cause: describeError(error) }, 'workers cannot be proven now');
    clock.at(clock.now() + settleMs, () => this.run());
  }

  #refuse(worker: Worker, failure: ProofFailure): void {
    if (failure.isCut) this.#after(lastChanceMs, worker, () => worker.refuse(failure));
    else worker.refuse(failure);
  }

  /** Unless the worker has another process by then. */
  #after(delayMs: number, worker: Worker, act: () => void): void {
    const { clock } = this.#surroundings;
    const { pid } = worker;
    this.#timers.get(worker)?.timer.cancel();
    const timer = clock.at(clock.now() + delayMs, () => {
      this.#timers.delete(worker);
      if (worker.pid === pid) act();
    });
    this.#timers.set(worker, { pid, timer });
  }

  /** Starting, and nothing is under way for its process. */
  #isNew(worker: Worker): boolean {
    if (worker.state.name !== 'starting' || this.#batch.has(worker)) return false;
    const pending = this.#timers.get(worker);
    return pending === undefined || pending.pid !== worker.pid;
  }

  #isJoining(worker: Worker): boolean {
    // Where no connection of ours gets through, there is no more to see of a worker than that it lives.
    if (this.#options.areAllJoining || worker.socket.isReachable === false) return true;
    const isEngine = this.#options.plan().worker.engine !== undefined;
    if (this.#hasProven && isEngine && this.#options.isSameCode()) return true;
    return this.#options
      .workers()
      .some((other) => isReady(other.state.name) && other.socket === worker.socket);
  }
}
