import type { PoolPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import { type Death, Worker, type WorkerSurroundings } from '../workers/worker.ts';
import { type GenerationEvent, type GenerationPhase, nextPhase } from './generation-state.ts';
import { Proof } from './proof.ts';

export interface GenerationOptions {
  readonly number: number;
  readonly phase: 'live' | 'proving';
  readonly plan: PoolPlan;
  /** One for each listen address of the plan, in its order. */
  readonly endpoints: readonly Endpoint[];
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
}

/** Workers started from the same code and configuration, and their own listen sockets. */
export class Generation {
  readonly number: number;
  readonly plan: PoolPlan;
  readonly sockets: readonly ListenSocket[];
  readonly workers: readonly Worker[];
  readonly #proof: Proof;
  #phase: GenerationPhase;

  /**
   * Opens the sockets; starts nothing yet.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then no socket stays open.
   */
  constructor(options: GenerationOptions, surroundings: WorkerSurroundings) {
    this.number = options.number;
    this.plan = options.plan;
    this.#phase = options.phase;
    this.sockets = openAll(options.endpoints);
    this.workers = Array.from({ length: options.plan.workers }, (_, index) => {
      const socket = this.sockets[index % this.sockets.length] as ListenSocket;
      return new Worker(
        {
          id: `${options.plan.name}/${index + 1}`,
          generation: options.number,
          plan: options.plan,
          socket,
          onSpawned: () => this.#proof.run(),
          onChange: options.onChange,
          onDeath: options.onDeath,
        },
        surroundings,
      );
    });
    this.#proof = new Proof(this.workers, options.plan, surroundings.clock);
  }

  get phase(): GenerationPhase {
    return this.#phase;
  }

  /** True when no process is left, stray descendants included. */
  get isEmpty(): boolean {
    return this.workers.every((worker) => worker.isGone);
  }

  /** Puts an event through generation-state.ts. */
  apply(event: GenerationEvent): void {
    this.#phase = nextPhase(this.#phase, event);
  }

  /** Starts every worker that is not running and not waiting for its own deadline. */
  startWorkers(): void {
    for (const worker of this.workers) {
      if (worker.state.name === 'stopped' || worker.state.name === 'failed') worker.start();
    }
  }

  stopWorkers(): void {
    for (const worker of this.workers) worker.stop();
  }

  killWorkers(): void {
    for (const worker of this.workers) worker.kill();
  }

  giveUp(): void {
    for (const worker of this.workers) worker.giveUp();
  }

  /** Makes the addresses lead here. */
  publish(): void {
    for (const socket of this.sockets) socket.endpoint.publish(socket);
  }

  /** Publishes again what a cleaner has deleted. The addresses that were lost. */
  republishLost(): readonly Endpoint[] {
    const lost = this.sockets.filter((socket) => !socket.endpoint.isPublished(socket));
    for (const socket of lost) socket.endpoint.publish(socket);
    return lost.map((socket) => socket.endpoint);
  }

  closeSockets(): void {
    this.#proof.stop();
    for (const socket of this.sockets) socket.close();
  }
}

function openAll(endpoints: readonly Endpoint[]): readonly ListenSocket[] {
  const open: ListenSocket[] = [];
  try {
    for (const endpoint of endpoints) open.push(endpoint.open());
    return open;
  } catch (error) {
    for (const socket of open) socket.close();
    throw error;
  }
}
