import { isInherited } from '../config/address.ts';
import type { Clock } from '../host/clock.ts';
import { connectionHeldBy } from '../sockets/connection-holder.ts';
import type { ListenSocket, ProbeConnection } from '../sockets/endpoint.ts';
import { countAccepted, type Occupancy } from '../sockets/occupancy.ts';
import { probeDemand } from './probe-demand.ts';
import type { ProofFailure } from './proof-answer.ts';
import type { ProofExchange } from './proof-exchange.ts';

export interface ProvenSocket {
  readonly socket: ListenSocket;
  readonly workers: readonly ProvenWorker[];
}

export interface ProvenWorker {
  readonly id: string;
  /** The process that was started; `undefined` while there is none. */
  readonly pid: () => number | undefined;
  /** The worker and its descendants; empty while there is no process. Asking costs a look through all processes. */
  readonly pids: () => readonly number[];
}

/** Which processes are looked at: those that were started, or their descendants too. */
export type ProofSight = 'own' | 'trees';

export interface TrialOptions extends ProvenSocket {
  /** What each worker is asked on a connection that it holds; `undefined`: holding one is proof enough. */
  readonly exchange: ProofExchange | undefined;
  readonly clock: Clock;
  readonly onProven: (id: string) => void;
  readonly onRefused: (id: string, failure: ProofFailure) => void;
}

/** One socket, its workers, and the connections we hold to it, oldest first. */
export class ProofTrial {
  readonly #options: TrialOptions;
  readonly #verdicts = new Map<string, 'proven' | 'refused'>();
  /** Workers that are answering at present. */
  readonly #asked = new Set<string>();
  readonly #end = new AbortController();
  /** Nothing was sent on them. */
  #held: readonly ProbeConnection[] = [];

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** Its socket, and the processes among which those are that nothing is known of yet. */
  watched(sight: ProofSight): { readonly socket: ListenSocket; readonly pids: () => readonly number[] } {
    const { socket, workers } = this.#options;
    return { socket, pids: () => workers.flatMap((worker) => pidsOf(worker, sight)) };
  }

  get proven(): readonly string[] {
    return this.#ids((id) => this.#verdicts.get(id) === 'proven');
  }

  get unproven(): readonly string[] {
    return this.#ids((id) => this.#verdicts.get(id) !== 'proven');
  }

  /** Every worker is proven or refused. */
  get isOver(): boolean {
    return this.#verdicts.size === this.#options.workers.length;
  }

  /** At first one connection for each worker, then one at a time where the workers took more than one each. */
  async offer(): Promise<void> {
    this.#held = this.#held.filter((connection) => !closeIfEnded(connection));
    const isFirst = this.#held.length === 0;
    const wanted = isFirst ? this.#waiting().length : 1;
    for (let count = 0; count < wanted; count += 1) {
      const demand = isFirst ? 'open-one' : this.#demand();
      if (demand === 'none') return;
      if (demand === 'replace-oldest') this.#giveUpOldest();
      if (!(await this.#connect())) return;
    }
  }

  /** Returns `missing` when somebody has accepted a connection who was not looked at: a descendant, perhaps. */
  judge(occupancy: Occupancy, sight: ProofSight): 'missing' | 'complete' {
    const { workers, exchange } = this.#options;
    const accepted = this.#held.length - (occupancy.queued ?? Number(occupancy.hasQueued));
    const seen = this.#waiting().filter((worker) => isAmong(occupancy.accepted, pidsOf(worker, sight)));
    const hidden = this.#waiting().filter(
      (worker) =>
        !seen.includes(worker) && pidsOf(worker, sight).some((pid) => occupancy.unknown.includes(pid)),
    );
    if (exchange === undefined) {
      for (const { id } of seen) this.#settle(id, undefined);
      if (accepted >= workers.length) for (const { id } of hidden) this.#settle(id, undefined);
    } else {
      this.#assign(seen, hidden, { accepted, sight });
    }
    return accepted > countAccepted(occupancy) ? 'missing' : 'complete';
  }

  end(): void {
    this.#end.abort();
    for (const connection of this.#held) connection.close();
    this.#held = [];
  }

  /** Asks each worker on the connection that it is found to hold. */
  #assign(
    seen: readonly ProvenWorker[],
    hidden: readonly ProvenWorker[],
    { accepted, sight }: { readonly accepted: number; readonly sight: ProofSight },
  ): void {
    const indistinct = [...hidden];
    for (const worker of seen) {
      const names = new Set(this.#held.map(({ name }) => name));
      const name = connectionHeldBy(pidsOf(worker, sight), names);
      if (name === 'unknown') indistinct.push(worker);
      else if (name !== undefined)
        this.#ask(
          [worker],
          this.#take((held) => held.name === name),
        );
    }
    // Where nobody tells who holds which: all that were accepted (the oldest), once they are enough for everybody.
    const isEnough = indistinct.length === this.#waiting().length && accepted >= indistinct.length;
    if (indistinct.length > 0 && isEnough)
      this.#ask(
        indistinct,
        this.#take((_, index) => index < accepted),
      );
  }

  /** Every worker named is proven when all the connections were answered well. */
  #ask(workers: readonly ProvenWorker[], connections: readonly ProbeConnection[]): void {
    const processes = workers.map((worker) => ({ worker, pid: worker.pid() }));
    for (const { id } of workers) this.#asked.add(id);
    void Promise.all(connections.map((connection) => this.#exchange(connection))).then((failures) => {
      const failure = failures.find((each) => each !== undefined);
      for (const { worker, pid } of processes) {
        this.#asked.delete(worker.id);
        // A worker that died meanwhile is asked again in its next life.
        if (pid !== undefined && worker.pid() === pid) this.#settle(worker.id, failure);
      }
    });
  }

  async #exchange(connection: ProbeConnection): Promise<ProofFailure | undefined> {
    const { exchange, clock, socket } = this.#options;
    // An inherited socket has no address to tell of but its name.
    const address = isInherited(socket.endpoint.address) ? socket.boundTo : socket.endpoint.address;
    return exchange?.({ connection, address, clock, signal: this.#end.signal });
  }

  #settle(id: string, failure: ProofFailure | undefined): void {
    if (this.#end.signal.aborted) return;
    this.#verdicts.set(id, failure === undefined ? 'proven' : 'refused');
    if (failure === undefined) this.#options.onProven(id);
    else this.#options.onRefused(id, failure);
  }

  #take(isWanted: (connection: ProbeConnection, index: number) => boolean): readonly ProbeConnection[] {
    const taken = this.#held.filter(isWanted);
    this.#held = this.#held.filter((connection) => !taken.includes(connection));
    return taken;
  }

  /** Workers that nothing is known of yet. */
  #waiting(): readonly ProvenWorker[] {
    return this.#options.workers.filter(({ id }) => !this.#verdicts.has(id) && !this.#asked.has(id));
  }

  #ids(isWanted: (id: string) => boolean): readonly string[] {
    return this.#options.workers.map(({ id }) => id).filter(isWanted);
  }

  #demand(): ReturnType<typeof probeDemand> {
    const { socket, workers } = this.#options;
    const unproven = this.#waiting().length;
    const queued = socket.queued() ?? Number(socket.hasQueued()) * unproven;
    return probeDemand({ workers: workers.length, unproven, held: this.#held.length, queued });
  }

  #giveUpOldest(): void {
    const [oldest, ...others] = this.#held;
    oldest?.close();
    this.#held = others;
  }

  async #connect(): Promise<boolean> {
    try {
      const connection = await this.#options.socket.connectPrivately();
      if (this.#end.signal.aborted) connection.close();
      else this.#held = [...this.#held, connection];
      return true;
    } catch {
      // A full backlog, or a socket that is being closed: the next look tries again, until the deadline.
      return false;
    }
  }
}

function pidsOf(worker: ProvenWorker, sight: ProofSight): readonly number[] {
  if (sight === 'trees') return worker.pids();
  const pid = worker.pid();
  return pid === undefined ? [] : [pid];
}

function isAmong(accepted: ReadonlyMap<number, number>, pids: readonly number[]): boolean {
  return pids.some((pid) => (accepted.get(pid) ?? 0) > 0);
}

function closeIfEnded(connection: ProbeConnection): boolean {
  const hasEnded = connection.hasEnded();
  if (hasEnded) connection.close();
  return hasEnded;
}
