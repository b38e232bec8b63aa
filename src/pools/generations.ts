import { formatAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import type { PoolPlan } from '../plan/plan.ts';
import type { NewLead } from '../sockets/drain.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import type { Worker } from '../workers/worker.ts';
import { Addresses, isWithdrawable, sharesSockets } from './addresses.ts';
import { Drains } from './drains.ts';
import { Generation } from './generation.ts';
import type { GenerationOptions } from './generation-options.ts';
import type { ObservedGeneration } from './observation.ts';
import type { PoolSurroundings } from './surroundings.ts';
import { withdrawAll } from './withdrawal.ts';
import { isReady } from './worker-standing.ts';

export type GenerationsEvents = Pick<
  GenerationOptions,
  'isOutdated' | 'stop' | 'onChange' | 'onDeath' | 'onRecycled' | 'onStuck' | 'onCut' | 'onRequest'
>;

/** The generations of one pool, and the addresses that they take over from each other. */
export class Generations {
  readonly #surroundings: PoolSurroundings;
  readonly #events: GenerationsEvents;
  readonly #drains: Drains;
  readonly #addresses: Addresses;
  #list: readonly Generation[] = [];
  #lastNumber = 0;

  constructor(surroundings: PoolSurroundings, events: GenerationsEvents) {
    this.#surroundings = surroundings;
    this.#events = events;
    this.#drains = new Drains(surroundings, events.onChange);
    this.#addresses = new Addresses(surroundings.createEndpoint);
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
    return this.#list.findLast(
      ({ phase, workers }) => phase === 'draining' && workers.some(({ state }) => isReady(state.name)),
    );
  }

  /** Old workers still serve, or finish what they have, on the sockets of the live generation. */
  get isRolling(): boolean {
    return this.live !== undefined && this.#list.some(({ phase }) => phase === 'yielding');
  }

  /** Workers that serve beside those of the live generation until enough of these are ready. */
  get yielding(): readonly Worker[] {
    return this.#list.filter(({ phase }) => phase === 'yielding').flatMap(({ workers }) => workers);
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
    if (phase === 'live') {
      return this.#begin(phase, plan, this.#addresses.openPublished(plan.listen), plan.workers);
    }
    const sockets = this.#addresses.openPrivately(plan.listen);
    const size = plan.reload.mode === 'rolling' ? 1 : plan.reload.surge;
    return this.#begin(phase, plan, sockets, Math.min(Math.max(size, plan.listen.length), plan.workers));
  }

  /**
   * A live generation of new workers on the sockets of one that serves nothing, so that what waits there stays.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED for addresses that are new; then nothing has changed.
   */
  renew(dead: Generation, plan: PoolPlan): Generation {
    const sockets = this.#inherit(dead, plan);
    dead.apply('cut');
    dead.stopWorkers();
    return this.#begin('live', plan, sockets, plan.workers);
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
    this.#drains.forget(generation);
    if (old === undefined || old === generation) return;
    withdrawAll(this.#deserted(old, generation), this.#surroundings.log);
    this.#drain(old, 'elsewhere');
  }

  /**
   * The code that a candidate has proven begins to serve on the shared sockets; the live generation yields. Where
   * an address was changed, what waits at the old one is served before.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED for addresses that are new; then nothing has changed.
   */
  join(candidate: Generation): void {
    const old = this.live;
    if (old === undefined) return;
    const { plan } = candidate;
    const sockets = this.#inherit(old, plan);
    candidate.apply('superseded');
    candidate.killWorkers();
    this.#yield(old);
    const size = Math.max(Math.min(plan.reload.surge, plan.workers), plan.listen.length);
    this.#begin('live', plan, sockets, size, { isJoining: true, forks: candidate.handOverForks() });
  }

  refuse(generation: Generation): void {
    generation.apply('not-proven');
    generation.killWorkers();
  }

  /** The addresses lead nowhere, if they can; what is in hand is finished. */
  withdraw(generation: Generation): void {
    if (generation.phase === 'live') {
      const lead = withdrawAll(generation.sockets, this.#surroundings.log);
      if (generation.sockets.every(isWithdrawable)) this.#drain(generation, lead);
      else this.#yield(generation);
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
    generation.close();
    generation.apply('emptied');
    this.#drains.end(generation);
    this.#list = this.#list.filter((other) => other !== generation);
    this.#addresses.forgetOthers(this.#list.flatMap(({ sockets }) => sockets));
  }

  killAll(): void {
    for (const generation of this.#list) {
      if (generation.phase === 'live') withdrawAll(generation.sockets, this.#surroundings.log);
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
      successors: generation.successors.map((worker) => worker.state.name),
      present: generation.present.length,
      isShared: this.#isShared(generation),
      isExclusive: generation.sockets.some(({ endpoint }) => endpoint.address.kind === 'tcp'),
      hasQueued: () => generation.sockets.some((socket) => socket.hasQueued()),
      isDrained: this.#drains.isDone(generation),
      drainDeadlineMs: this.#drains.deadlineMs(generation),
    }));
  }

  /** A candidate of which the live generation's sockets are to be taken over, not its own to be published. */
  #isShared({ plan }: Generation): boolean {
    const { live } = this;
    return (
      plan.reload.mode === 'rolling' && live !== undefined && sharesSockets(live.plan.listen, plan.listen)
    );
  }

  /** Sockets for those who follow `old`, which keeps only what they do not want. */
  #inherit(old: Generation, { listen }: PoolPlan): readonly ListenSocket[] {
    const sockets = this.#addresses.inherit({ listen: old.plan.listen, sockets: old.sockets }, listen);
    const endpoints = new Set(sockets.map(({ endpoint }) => endpoint));
    const deserted = old.sockets.filter(({ endpoint }) => !endpoints.has(endpoint));
    withdrawAll(deserted, this.#surroundings.log);
    old.keepSockets(old.sockets.filter((socket) => !sockets.includes(socket)));
    return sockets;
  }

  #begin(
    phase: 'live' | 'proving',
    plan: PoolPlan,
    sockets: readonly ListenSocket[],
    size: number,
    joining: Pick<GenerationOptions, 'isJoining' | 'forks'> = {},
  ): Generation {
    this.#lastNumber += 1;
    const generation = new Generation(
      { number: this.#lastNumber, phase, plan, sockets, size, ...joining, ...this.#events },
      this.#surroundings,
    );
    this.#list = [...this.#list, generation];
    generation.startWorkers();
    return generation;
  }

  #drain(generation: Generation, lead: NewLead): void {
    generation.apply('superseded');
    this.#drains.begin(generation, generation.sockets, lead);
  }

  #yield(generation: Generation): void {
    generation.apply('joined');
    const own = generation.sockets.filter(isWithdrawable);
    if (own.length > 0) this.#drains.begin(generation, own, 'elsewhere');
  }

  /** Sockets of `old` at addresses that `generation` does not serve. */
  #deserted(old: Generation, generation: Generation): readonly ListenSocket[] {
    const kept = new Set(generation.sockets.map(({ endpoint }) => endpoint));
    return old.sockets.filter(({ endpoint }) => !kept.has(endpoint));
  }
}
