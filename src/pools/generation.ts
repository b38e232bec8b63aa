import type { PoolPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import type { ForkingLauncher } from '../workers/launcher.ts';
import { Worker } from '../workers/worker.ts';
import type { GenerationOptions } from './generation-options.ts';
import { canBeRelieved, type GenerationEvent, type GenerationPhase, nextPhase } from './generation-state.ts';
import { Proof } from './proof.ts';
import { Roster } from './roster.ts';
import type { PoolSurroundings } from './surroundings.ts';
import { isReady } from './worker-standing.ts';

/** Workers started from the same code and configuration, and the listen sockets they accept on. */
export class Generation {
  readonly number: number;
  readonly #options: GenerationOptions;
  readonly #surroundings: PoolSurroundings;
  readonly #proof: Proof;
  #plan: PoolPlan;
  #sockets: readonly ListenSocket[];
  #phase: GenerationPhase;
  /** What its workers are forked from, unless each is executed by itself. */
  #forks: ForkingLauncher | undefined;
  readonly #roster: Roster;

  /** Starts nothing yet. */
  constructor(options: GenerationOptions, surroundings: PoolSurroundings) {
    this.number = options.number;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#plan = options.plan;
    this.#phase = options.phase;
    this.#sockets = options.sockets;
    this.#forks = options.forks ?? this.#createForks();
    this.#proof = new Proof(
      {
        workers: () => [...this.#roster.workers, ...this.#roster.successors],
        plan: () => this.#plan,
        areAllJoining: options.isJoining ?? false,
        isSameCode: () => this.source === 'kept' || !options.isOutdated(),
      },
      surroundings,
    );
    this.#roster = new Roster(options.sockets.length, (place) => this.#createWorker(place));
    this.#roster.grow(options.size);
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

  /** What its workers are forked from. */
  get forks(): Pick<ForkingLauncher, 'serverPid' | 'warnings'> | undefined {
    return this.#forks;
  }

  /** What a new worker would run: the code that was proven, kept by a fork server, or what the disk holds by now. */
  get source(): 'kept' | 'disk' | 'lost' {
    if (this.#forks === undefined) return 'disk';
    return this.#forks.isLost ? 'lost' : 'kept';
  }

  /** Those that serve or shall serve. */
  get workers(): readonly Worker[] {
    return this.#roster.workers;
  }

  /** Those that take over from worn ones when they are ready. */
  get successors(): readonly Worker[] {
    return this.#roster.successors;
  }

  /** Every worker with a process. */
  get present(): readonly Worker[] {
    return this.#roster.all.filter((worker) => !worker.isGone);
  }

  /** True when no process is left, stray descendants included. */
  get isEmpty(): boolean {
    return this.present.length === 0;
  }

  /** Puts an event through generation-state.ts. */
  apply(event: GenerationEvent): void {
    this.#phase = nextPhase(this.#phase, event);
    if (this.#phase !== 'live') this.#roster.absorb();
  }

  /** Takes over what can change under running workers: their number comes by `resize`. */
  adopt(plan: PoolPlan): void {
    this.#plan = plan;
    for (const worker of this.#roster.all) worker.changeLimits();
  }

  /** Starts every worker that is not running and not waiting for its own deadline. */
  startWorkers(): void {
    this.#roster.start();
  }

  /** Makes it that many workers: new ones are started, the last ones leave when they hold no connection. */
  resize(size: number): void {
    this.#roster.grow(size);
    this.startWorkers();
    this.#roster.leave(this.workers.slice(size));
  }

  /** The worker that is the quickest to go leaves. */
  retireOne(): void {
    const unready = this.workers.filter(({ state }) => !isReady(state.name));
    const worker = unready.find(({ isGone }) => isGone) ?? unready.at(-1) ?? this.workers.at(-1);
    if (worker !== undefined) this.#roster.leave([worker]);
  }

  /** Starts a worker that takes over from a worn one when it is ready. */
  startSuccessor(): void {
    this.#roster.addSuccessor();
  }

  /** Successors that are ready take over, and those whose predecessor serves no more. */
  relieve(): void {
    this.#reportRecycled(this.#roster.relieve());
  }

  /** Nobody follows the worn workers for now. */
  dropSuccessors(): void {
    this.#roster.dropSuccessors();
  }

  /** Workers that leave by themselves make room for others. */
  fill(): void {
    this.#reportRecycled(this.#roster.fill());
    this.startWorkers();
  }

  stopWorkers(): void {
    for (const worker of this.#roster.all) worker.stop();
  }

  killWorkers(): void {
    for (const worker of this.#roster.all) worker.kill();
  }

  /** Dead workers stay dead, and the places of those that leave by themselves empty. */
  giveUp(): void {
    this.#reportRecycled(this.#roster.fill());
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

  /** The others belong to another generation now. */
  keepSockets(sockets: readonly ListenSocket[]): void {
    this.#proof.stop();
    this.#sockets = sockets;
  }

  /** The generation that follows on shared sockets forks its workers from what was proven here. */
  handOverForks(): ForkingLauncher | undefined {
    const forks = this.#forks;
    this.#forks = undefined;
    return forks;
  }

  /** No process is left. */
  close(): void {
    this.#proof.stop();
    for (const socket of this.#sockets) socket.close();
    this.#forks?.end();
  }

  #reportRecycled(workers: readonly Worker[]): void {
    for (const worker of workers)
      if (worker.wear !== undefined) this.#options.onRecycled(worker, worker.wear);
  }

  #createForks(): ForkingLauncher | undefined {
    const { name, worker } = this.#options.plan;
    if (worker.engine?.isPreloaded !== true) return undefined;
    return this.#surroundings.createForkLauncher(name, this.#surroundings.log);
  }

  #createWorker(place: number): Worker {
    const { plan, number, sockets, onChange, onDeath, onStuck, onCut, onRequest } = this.#options;
    const socket = sockets[(place - 1) % sockets.length];
    if (socket === undefined) throw new TypeError('a generation needs a listen socket');
    const worker: Worker = new Worker(
      {
        id: `${plan.name}/${place}`,
        place,
        generation: number,
        plan: plan.worker,
        lifecycle: () => this.#plan.lifecycle,
        requests: () => this.#plan.requests,
        stop: this.#options.stop,
        socket,
        isRelievable: () => this.#plan.reload.mode === 'switch' && canBeRelieved(this.#phase),
        onStuck: () => onStuck(worker),
        onCut: (connections) => onCut(worker, connections),
        onRequest: (event) => onRequest(worker, event),
        onSpawned: () => this.#proof.run(),
        onLoaded: () => this.#proof.noteLoaded(worker),
        onChange,
        onDeath,
      },
      { ...this.#surroundings, launcher: this.#forks ?? this.#surroundings.launcher },
    );
    return worker;
  }
}
