import { formatAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import type { ListenPlan, PoolPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import type { Death } from '../workers/worker.ts';
import { Drains } from './drains.ts';
import { Generation } from './generation.ts';
import type { ObservedGeneration } from './reconcile.ts';
import type { PoolSurroundings } from './surroundings.ts';

export interface GenerationsEvents {
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
}

/** The generations of one pool, and the addresses that they take over from each other. */
export class Generations {
  readonly #surroundings: PoolSurroundings;
  readonly #events: GenerationsEvents;
  readonly #drains: Drains;
  /** By address, as people write it. */
  readonly #endpoints = new Map<string, Endpoint>();
  #list: readonly Generation[] = [];
  #lastNumber = 0;

  constructor(surroundings: PoolSurroundings, events: GenerationsEvents) {
    this.#surroundings = surroundings;
    this.#events = events;
    this.#drains = new Drains(surroundings, events.onChange);
  }

  get list(): readonly Generation[] {
    return this.#list;
  }

  get live(): Generation | undefined {
    return this.#list.find(({ phase }) => phase === 'live');
  }

  /** The candidate that shows itself at present. */
  get candidate(): Generation | undefined {
    return this.#list.find(({ phase }) => phase === 'proving');
  }

  /** The latest generation that could be made live again. */
  get previous(): Generation | undefined {
    return this.#list.findLast(({ phase }) => phase === 'draining');
  }

  /** @throws RunfcgidError INTERNAL when there is none with this number. */
  get(number: number): Generation {
    const generation = this.#list.find((other) => other.number === number);
    if (generation === undefined) throw new RunfcgidError('INTERNAL', `there is no generation ${number}`);
    return generation;
  }

  /**
   * Opens the sockets of a new generation and starts its workers. A live one is published before they are there,
   * so that requests wait for them.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then nothing has changed.
   */
  open(phase: 'live' | 'proving', plan: PoolPlan): Generation {
    const sockets = this.#openAll(plan.listen, phase === 'live');
    if (phase === 'live') return this.#begin(phase, plan, sockets, plan.workers);
    const size = plan.reload.mode === 'rolling' ? 1 : plan.reload.surge;
    return this.#begin(phase, plan, sockets, Math.min(Math.max(size, plan.listen.length), plan.workers));
  }

  /** A live generation of new workers on the sockets of one that serves nothing, so that what waits there stays. */
  renew(dead: Generation, plan: PoolPlan): Generation {
    dead.apply('cut');
    dead.stopWorkers();
    return this.#takeOver(dead, plan, plan.workers);
  }

  /**
   * Makes the addresses lead to a proven generation, or to one that drains; the live one drains.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then they lead where they led before.
   */
  switchTo(generation: Generation): void {
    const old = this.live;
    try {
      generation.publish();
    } catch (error) {
      old?.publish();
      throw error;
    }
    generation.apply('published');
    if (old === undefined || old === generation) return;
    for (const endpoint of this.#deserted(old, generation)) endpoint.withdraw();
    this.#drain(old);
  }

  /** The code that a candidate has proven begins to serve on the shared sockets; the live generation yields. */
  join(candidate: Generation): void {
    candidate.apply('superseded');
    candidate.killWorkers();
    const old = this.live;
    if (old === undefined) return;
    old.apply('joined');
    const size = Math.min(candidate.plan.reload.surge, candidate.plan.workers);
    this.#takeOver(old, candidate.plan, size, true);
  }

  refuse(generation: Generation): void {
    generation.apply('not-proven');
    generation.killWorkers();
  }

  /** The addresses lead nowhere; what is in hand is finished. */
  withdraw(generation: Generation): void {
    if (generation.phase === 'live') {
      for (const { endpoint } of generation.sockets) endpoint.withdraw();
      this.#drain(generation);
    } else {
      generation.apply('superseded');
      generation.killWorkers();
    }
  }

  stopWorkers(generation: Generation): void {
    generation.apply('drained');
    this.#drains.end(generation);
    generation.stopWorkers();
  }

  close(generation: Generation): void {
    generation.closeSockets();
    generation.apply('emptied');
    this.#drains.end(generation);
    this.#list = this.#list.filter((other) => other !== generation);
    const used = new Set(this.#list.flatMap(({ sockets }) => sockets.map(({ endpoint }) => endpoint)));
    for (const [name, endpoint] of this.#endpoints) if (!used.has(endpoint)) this.#endpoints.delete(name);
  }

  killAll(): void {
    for (const generation of this.#list) {
      if (generation.phase === 'live') for (const { endpoint } of generation.sockets) endpoint.withdraw();
      generation.apply('cut');
      this.#drains.end(generation);
      generation.killWorkers();
    }
  }

  /** Publishes again what somebody deleted; the addresses that were gone, as people write them. */
  guardAddresses(): readonly string[] {
    return (this.live?.republishLost() ?? []).map(({ address }) => formatAddress(address));
  }

  observe(): readonly ObservedGeneration[] {
    return this.#list.map((generation) => ({
      number: generation.number,
      phase: generation.phase,
      workers: generation.workers.map((worker) => worker.state.name),
      present: generation.present.length,
      isShared: generation.plan.reload.mode === 'rolling',
      isExclusive: generation.sockets.some(({ endpoint }) => endpoint.address.kind === 'tcp'),
      hasQueued: () => generation.sockets.some((socket) => socket.hasQueued()),
      isDrained: this.#drains.isDone(generation),
      drainDeadlineMs: this.#drains.deadlineMs(generation),
    }));
  }

  #openAll(listen: readonly ListenPlan[], isPublished: boolean): readonly ListenSocket[] {
    const open: ListenSocket[] = [];
    try {
      for (const plan of listen) open.push(this.#endpointOf(plan).open());
      if (isPublished) for (const socket of open) socket.endpoint.publish(socket);
      return open;
    } catch (error) {
      for (const socket of open) socket.close();
      throw error;
    }
  }

  #endpointOf(plan: ListenPlan): Endpoint {
    const name = formatAddress(plan.address);
    const endpoint = this.#endpoints.get(name) ?? this.#surroundings.createEndpoint(plan);
    endpoint.configure(plan);
    this.#endpoints.set(name, endpoint);
    return endpoint;
  }

  #takeOver(old: Generation, plan: PoolPlan, size: number, isJoining = false): Generation {
    const { sockets } = old;
    old.leaveSockets();
    return this.#begin('live', plan, sockets, size, isJoining);
  }

  #begin(
    phase: 'live' | 'proving',
    plan: PoolPlan,
    sockets: readonly ListenSocket[],
    size: number,
    isJoining = false,
  ): Generation {
    this.#lastNumber += 1;
    const generation = new Generation(
      { number: this.#lastNumber, phase, plan, sockets, size, isJoining, ...this.#events },
      this.#surroundings,
    );
    this.#list = [...this.#list, generation];
    generation.startWorkers();
    return generation;
  }

  #drain(generation: Generation): void {
    generation.apply('superseded');
    this.#drains.begin(generation);
  }

  /** Addresses of `old` that `generation` does not serve. */
  #deserted(old: Generation, generation: Generation): readonly Endpoint[] {
    const kept = new Set(generation.sockets.map(({ endpoint }) => endpoint));
    return old.sockets.map(({ endpoint }) => endpoint).filter((endpoint) => !kept.has(endpoint));
  }
}
