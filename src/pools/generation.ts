import type { PoolPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import { Worker } from '../workers/worker.ts';
import type { Death } from '../workers/worker-contract.ts';
import { type GenerationEvent, type GenerationPhase, nextPhase } from './generation-state.ts';
import { Proof } from './proof.ts';
import type { PoolSurroundings } from './surroundings.ts';

export interface GenerationOptions {
  readonly number: number;
  readonly phase: 'live' | 'proving';
  readonly plan: PoolPlan;
  /** One for each listen address of the plan, in its order. Owned by the generation from here on. */
  readonly sockets: readonly ListenSocket[];
  /** How many workers to begin with. */
  readonly size: number;
  /** Its code was proven by another generation, and others serve its sockets. */
  readonly isJoining?: boolean;
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
}

/** Workers started from the same code and configuration, and the listen sockets they accept on. */
export class Generation {
  readonly number: number;
  readonly #options: GenerationOptions;
  readonly #surroundings: PoolSurroundings;
  readonly #proof: Proof;
  #plan: PoolPlan;
  #sockets: readonly ListenSocket[];
  #phase: GenerationPhase;
  #workers: readonly Worker[] = [];
  /** Workers that leave while the others go on. */
  #leaving: readonly Worker[] = [];

  /** Starts nothing yet. */
  constructor(options: GenerationOptions, surroundings: PoolSurroundings) {
    this.number = options.number;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#plan = options.plan;
    this.#phase = options.phase;
    this.#sockets = options.sockets;
    this.#proof = new Proof(
      {
        workers: () => this.#workers,
        plan: () => this.#plan,
        areAllJoining: options.isJoining ?? false,
      },
      surroundings,
    );
    this.#grow(options.size);
  }

  get phase(): GenerationPhase {
    return this.#phase;
  }

  /** What it was started from, with the changes since then that did not need new workers. */
  get plan(): PoolPlan {
    return this.#plan;
  }

  get sockets(): readonly ListenSocket[] {
    return this.#sockets;
  }

  /** Those that serve or shall serve. */
  get workers(): readonly Worker[] {
    return this.#workers;
  }

  /** Every worker with a process. */
  get present(): readonly Worker[] {
    return [...this.#workers, ...this.#leaving].filter((worker) => !worker.isGone);
  }

  /** True when no process is left, stray descendants included. */
  get isEmpty(): boolean {
    return this.present.length === 0;
  }

  /** Puts an event through generation-state.ts. */
  apply(event: GenerationEvent): void {
    this.#phase = nextPhase(this.#phase, event);
  }

  /** Takes over what can change under running workers: their number comes by `resize`. */
  adopt(plan: PoolPlan): void {
    this.#plan = plan;
  }

  /** Starts every worker that is not running and not waiting for its own deadline. */
  startWorkers(): void {
    for (const worker of this.#workers) {
      if (worker.state.name === 'stopped' || worker.state.name === 'failed') worker.start();
    }
  }

  /** Makes it that many workers: new ones are started, the last ones leave when they hold no connection. */
  resize(size: number): void {
    this.#grow(size);
    this.startWorkers();
    this.#leave(this.#workers.slice(size));
  }

  /** The worker that is the quickest to go leaves. */
  retireOne(): void {
    const unready = this.#workers.filter(({ state }) => state.name !== 'ready');
    const worker = unready.find(({ isGone }) => isGone) ?? unready.at(-1) ?? this.#workers.at(-1);
    if (worker !== undefined) this.#leave([worker]);
  }

  stopWorkers(): void {
    for (const worker of [...this.#workers, ...this.#leaving]) worker.stop();
  }

  killWorkers(): void {
    for (const worker of [...this.#workers, ...this.#leaving]) worker.kill();
  }

  giveUp(): void {
    for (const worker of this.#workers) worker.giveUp();
  }

  /** Makes the addresses lead here. */
  publish(): void {
    for (const socket of this.#sockets) socket.endpoint.publish(socket);
  }

  /** Publishes again what is no longer there; the addresses it happened to. */
  republishLost(): readonly Endpoint[] {
    const lost = this.#sockets.filter((socket) => !socket.endpoint.isPublished(socket));
    for (const socket of lost) socket.endpoint.publish(socket);
    return lost.map((socket) => socket.endpoint);
  }

  /** The others belong to another generation now. */
  keepSockets(sockets: readonly ListenSocket[]): void {
    this.#proof.stop();
    this.#sockets = sockets;
  }

  closeSockets(): void {
    this.#proof.stop();
    for (const socket of this.#sockets) socket.close();
  }

  #grow(size: number): void {
    while (this.#workers.length < size)
      this.#workers = [...this.#workers, this.#createWorker(this.#freePlace())];
  }

  #leave(workers: readonly Worker[]): void {
    this.#workers = this.#workers.filter((worker) => !workers.includes(worker));
    this.#leaving = [...this.#leaving.filter((worker) => !worker.isGone), ...workers];
    for (const worker of workers) worker.retire();
  }

  /** Places count from 1; the lowest that nobody holds. */
  #freePlace(): number {
    const taken = new Set([...this.#workers, ...this.#leaving].map(({ place }) => place));
    let place = 1;
    while (taken.has(place)) place += 1;
    return place;
  }

  #createWorker(place: number): Worker {
    const { plan, number, sockets, onChange, onDeath } = this.#options;
    const socket = sockets[(place - 1) % sockets.length];
    if (socket === undefined) throw new TypeError('a generation needs a listen socket');
    const worker: Worker = new Worker(
      {
        id: `${plan.name}/${place}`,
        place,
        generation: number,
        plan: plan.worker,
        lifecycle: () => this.#plan.lifecycle,
        socket,
        onSpawned: () => this.#proof.run(),
        onLoaded: () => this.#proof.noteLoaded(worker),
        onChange,
        onDeath,
      },
      this.#surroundings,
    );
    return worker;
  }
}
