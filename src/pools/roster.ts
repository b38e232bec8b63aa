import type { Worker } from '../workers/worker.ts';
import { isReady } from './worker-standing.ts';

/**
 * The workers of one generation: those that serve or shall serve, successors, which take over from a worn one as soon
 * as they are ready, and those that leave while the others go on.
 *
 * Sockets are dealt out by place, so whoever takes over from another has a place of the same socket.
 */
export class Roster {
  readonly #sockets: number;
  readonly #create: (place: number) => Worker;
  #workers: readonly Worker[] = [];
  #leaving: readonly Worker[] = [];
  /** By the worn worker that they follow. */
  readonly #successors = new Map<Worker, Worker>();

  /** @param sockets the number of sockets that the places are dealt out over. */
  constructor(sockets: number, create: (place: number) => Worker) {
    this.#sockets = sockets;
    this.#create = create;
  }

  /** Those that serve or shall serve. */
  get workers(): readonly Worker[] {
    return this.#workers;
  }

  get successors(): readonly Worker[] {
    return [...this.#successors.values()];
  }

  get all(): readonly Worker[] {
    return [...this.#workers, ...this.#successors.values(), ...this.#leaving];
  }

  grow(size: number): void {
    while (this.#workers.length < size) {
      this.#workers = [...this.#workers, this.#create(this.#freePlace(this.#leastServed()))];
    }
  }

  /** Starts every worker that is not running and not waiting for its own deadline. */
  start(): void {
    for (const worker of [...this.#workers, ...this.#successors.values()]) {
      if (worker.state.name === 'stopped' || worker.state.name === 'failed') worker.start();
    }
  }

  /** These leave, and with them whoever would have followed. */
  leave(workers: readonly Worker[]): void {
    const heirs = workers.flatMap((worker) => this.#successors.get(worker) ?? []);
    for (const worker of workers) this.#successors.delete(worker);
    this.#workers = this.#workers.filter((worker) => !workers.includes(worker));
    this.#letGo([...workers, ...heirs]);
  }

  /** One more for the first worn worker that nobody follows yet. */
  addSuccessor(): void {
    const worn = this.#workers.find(
      (worker) => worker.state.name === 'worn' && !this.#successors.has(worker),
    );
    if (worn === undefined) return;
    const successor = this.#create(this.#freePlace(worn.place - 1));
    this.#successors.set(worn, successor);
    successor.start();
  }

  /** Successors that are ready take over, and those whose predecessor serves no more. The workers that leave for it. */
  relieve(): readonly Worker[] {
    const pairs = [...this.#successors].filter(
      ([worn, successor]) => isReady(successor.state.name) || worn.state.name !== 'worn',
    );
    for (const [worn] of pairs) this.#successors.delete(worn);
    return this.#replace(new Map(pairs));
  }

  /** Workers that leave by themselves get one in their place that is not started yet. The workers that leave. */
  fill(): readonly Worker[] {
    const leaving = this.#workers.filter(({ state }) => state.name === 'retiring');
    for (const worker of leaving) {
      this.#replace(new Map([[worker, this.#create(this.#freePlace(worker.place - 1))]]));
    }
    return leaving;
  }

  /** Nobody follows the worn workers for now. */
  dropSuccessors(): void {
    const successors = [...this.#successors.values()];
    this.#successors.clear();
    this.#letGo(successors);
  }

  /** The successors are workers like the others from now on. */
  absorb(): void {
    this.#workers = [...this.#workers, ...this.#successors.values()];
    this.#successors.clear();
  }

  #replace(heirs: ReadonlyMap<Worker, Worker>): readonly Worker[] {
    this.#workers = this.#workers.map((worker) => heirs.get(worker) ?? worker);
    this.#letGo([...heirs.keys()]);
    return [...heirs.keys()];
  }

  #letGo(workers: readonly Worker[]): void {
    this.#leaving = [...this.#leaving.filter((worker) => !worker.isGone), ...workers];
    for (const worker of workers) worker.retire();
  }

  /** The first of the sockets that have the fewest workers. */
  #leastServed(): number {
    const counts = Array.from({ length: this.#sockets }, () => 0);
    for (const { place } of this.#workers) {
      const socket = (place - 1) % this.#sockets;
      counts[socket] = (counts[socket] ?? 0) + 1;
    }
    return counts.indexOf(Math.min(...counts));
  }

  /** Places count from 1; the lowest of the same socket as place `index + 1` that nobody holds. */
  #freePlace(index: number): number {
    const taken = new Set(this.all.map(({ place }) => place));
    let place = (index % this.#sockets) + 1;
    while (taken.has(place)) place += this.#sockets;
    return place;
  }
}
