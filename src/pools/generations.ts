import { formatAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import type { PoolPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import type { Death } from '../workers/worker.ts';
import { Generation } from './generation.ts';
import type { ObservedGeneration } from './reconcile.ts';
import type { PoolSurroundings } from './surroundings.ts';

export interface GenerationsEvents {
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
}

interface Drain {
  readonly deadlineMs: number;
  isDone: boolean;
  cancel(): void;
}

/** The generations of one pool, the addresses they take over from each other, and who drains. */
export class Generations {
  readonly #plan: PoolPlan;
  readonly #surroundings: PoolSurroundings;
  readonly #events: GenerationsEvents;
  readonly #endpoints: readonly Endpoint[];
  readonly #drains = new Map<Generation, Drain>();
  #list: readonly Generation[] = [];
  #lastNumber = 0;

  constructor(plan: PoolPlan, surroundings: PoolSurroundings, events: GenerationsEvents) {
    this.#plan = plan;
    this.#surroundings = surroundings;
    this.#events = events;
    this.#endpoints = plan.listen.map((listen) => surroundings.createEndpoint(listen));
  }

  get list(): readonly Generation[] {
    return this.#list;
  }

  get live(): Generation | undefined {
    return this.#list.find(({ phase }) => phase === 'live');
  }

  /** A candidate shows itself at present. */
  get isProving(): boolean {
    return this.#list.some(({ phase }) => phase === 'proving');
  }

  /** @throws RunfcgidError INTERNAL when there is none with this number. */
  get(number: number): Generation {
    const generation = this.#list.find((other) => other.number === number);
    if (generation === undefined) {
      throw new RunfcgidError('INTERNAL', `pool "${this.#plan.name}" has no generation ${number}`);
    }
    return generation;
  }

  /**
   * Opens the sockets of a new generation. A live one is published before its workers are there, so that
   * requests wait for them.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then nothing has changed.
   */
  open(phase: 'live' | 'proving'): Generation {
    return this.#begin(phase, openAll(this.#endpoints));
  }

  /** A live generation of new workers on the sockets of one that serves nothing, so that what waits there stays. */
  renew(dead: Generation): Generation {
    const renewed = this.#begin('live', dead.sockets);
    dead.leaveSockets();
    dead.apply('cut');
    dead.stopWorkers();
    return renewed;
  }

  /** Makes the addresses lead to a proven generation; the one before it drains. */
  switchTo(generation: Generation): void {
    const old = this.live;
    generation.publish();
    generation.apply('published');
    if (old !== undefined && old !== generation) this.#drain(old);
  }

  refuse(generation: Generation): void {
    generation.apply('not-proven');
    generation.killWorkers();
  }

  /** The addresses lead nowhere; what is in hand is finished. */
  withdraw(generation: Generation): void {
    if (generation.phase === 'live') {
      for (const endpoint of this.#endpoints) endpoint.withdraw();
      this.#drain(generation);
    } else {
      generation.apply('superseded');
      generation.stopWorkers();
    }
  }

  stopWorkers(generation: Generation): void {
    generation.apply('drained');
    this.#forgetDrain(generation);
    generation.stopWorkers();
  }

  close(generation: Generation): void {
    generation.closeSockets();
    generation.apply('emptied');
    this.#forgetDrain(generation);
    this.#list = this.#list.filter((other) => other !== generation);
  }

  killAll(): void {
    for (const generation of this.#list) {
      if (generation.phase === 'live') for (const endpoint of this.#endpoints) endpoint.withdraw();
      generation.apply('cut');
      this.#forgetDrain(generation);
      generation.killWorkers();
    }
  }

  /** Publishes again what somebody deleted; the addresses that were gone, as people write them. */
  guardAddresses(): readonly string[] {
    return (this.live?.republishLost() ?? []).map(({ address }) => formatAddress(address));
  }

  observe(): readonly ObservedGeneration[] {
    return this.#list.map((generation) => {
      const drain = this.#drains.get(generation);
      return {
        number: generation.number,
        phase: generation.phase,
        workers: generation.workers.map((worker) => worker.state.name),
        isEmpty: generation.isEmpty,
        isDrained: drain?.isDone ?? false,
        drainDeadlineMs: drain?.deadlineMs,
      };
    });
  }

  #begin(phase: 'live' | 'proving', sockets: readonly ListenSocket[]): Generation {
    const generation = new Generation(
      { number: this.#lastNumber + 1, phase, plan: this.#plan, sockets, ...this.#events },
      this.#surroundings,
    );
    this.#lastNumber += 1;
    this.#list = [...this.#list, generation];
    if (phase === 'live') generation.publish();
    generation.startWorkers();
    return generation;
  }

  #drain(generation: Generation): void {
    const { clock, watchDrain } = this.#surroundings;
    generation.apply('superseded');
    const drain: Drain = {
      deadlineMs: clock.now() + this.#plan.lifecycle.drainTimeoutMs,
      isDone: false,
      cancel: () => watch.cancel(),
    };
    this.#drains.set(generation, drain);
    const watch = watchDrain({
      sockets: generation.sockets,
      pids: () => generation.workers.flatMap((worker) => worker.treePids()),
      onDrained: () => {
        drain.isDone = true;
        this.#events.onChange();
      },
    });
  }

  #forgetDrain(generation: Generation): void {
    this.#drains.get(generation)?.cancel();
    this.#drains.delete(generation);
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
