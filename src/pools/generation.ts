import type { PoolPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import { type Death, Worker } from '../workers/worker.ts';
import { type GenerationEvent, type GenerationPhase, nextPhase } from './generation-state.ts';
import { Proof } from './proof.ts';
import type { PoolSurroundings } from './surroundings.ts';

export interface GenerationOptions {
  readonly number: number;
  readonly phase: 'live' | 'proving';
  readonly plan: PoolPlan;
  /** One for each listen address of the plan, in its order. Owned by the generation from here on. */
  readonly sockets: readonly ListenSocket[];
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
}

/** Workers started from the same code and configuration, and their own listen sockets. */
export class Generation {
  readonly number: number;
  readonly plan: PoolPlan;
  readonly workers: readonly Worker[];
  readonly #proof: Proof;
  #sockets: readonly ListenSocket[];
  #phase: GenerationPhase;

  /** Starts nothing yet. */
  constructor(options: GenerationOptions, surroundings: PoolSurroundings) {
    this.number = options.number;
    this.plan = options.plan;
    this.#phase = options.phase;
    this.#sockets = options.sockets;
    this.workers = Array.from({ length: options.plan.workers }, (_, index) => {
      const socket = options.sockets[index % options.sockets.length];
      if (socket === undefined) throw new TypeError('a generation needs a listen socket');
      const { plan, onChange, onDeath } = options;
      const onSpawned = (): void => this.#proof.run();
      const id = `${plan.name}/${index + 1}`;
      return new Worker(
        { id, generation: options.number, plan, socket, onSpawned, onChange, onDeath },
        surroundings,
      );
    });
    this.#proof = new Proof(this.workers, options.plan, surroundings);
  }

  get phase(): GenerationPhase {
    return this.#phase;
  }

  get sockets(): readonly ListenSocket[] {
    return this.#sockets;
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
    for (const socket of this.#sockets) socket.endpoint.publish(socket);
  }

  /** Publishes again what is no longer there; the addresses it happened to. */
  republishLost(): readonly Endpoint[] {
    const lost = this.#sockets.filter((socket) => !socket.endpoint.isPublished(socket));
    for (const socket of lost) socket.endpoint.publish(socket);
    return lost.map((socket) => socket.endpoint);
  }

  /** The sockets belong to another generation now. */
  leaveSockets(): void {
    this.#proof.stop();
    this.#sockets = [];
  }

  closeSockets(): void {
    this.#proof.stop();
    for (const socket of this.#sockets) socket.close();
  }
}
