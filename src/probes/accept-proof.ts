import type { Clock } from '../host/clock.ts';
import { readTables } from '../host/socket-tables.ts';
import { ConnectionReader } from '../sockets/connection-reader.ts';
import type { ListenSocket, ProbeConnection } from '../sockets/endpoint.ts';
import { type Occupancy, readOccupancy } from '../sockets/occupancy.ts';
import { probeDemand } from './probe-demand.ts';

export interface ProvenSocket {
  readonly socket: ListenSocket;
  readonly workers: readonly ProvenWorker[];
}

export interface ProvenWorker {
  readonly id: string;
  /** The worker and its descendants; empty while there is no process. */
  readonly pids: () => readonly number[];
}

export interface AcceptProofOptions {
  readonly sockets: readonly ProvenSocket[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Aborted: resolves soon, with what is proven by then. */
  readonly signal?: AbortSignal;
  /** Called once for each worker, as soon as it is proven. */
  readonly onProven?: (id: string) => void;
}

export interface AcceptProof {
  readonly proven: readonly string[];
  readonly unproven: readonly string[];
}

const firstLookMs = 2;
const longestLookMs = 25;

/**
 * Finds out which workers accept connections, by holding connections of our own until each worker is seen with
 * one. Sends nothing, so that it suits every program. Several workers are never proven by connections alone:
 * one threaded worker may take them all. Only where we may not look into a worker (occupancy `unknown`), as many
 * accepted connections as the socket has workers have to do.
 */
export async function proveAccept(options: AcceptProofOptions): Promise<AcceptProof> {
  const { clock, signal } = options;
  const trials = options.sockets.map((each) => new Trial(each, options.onProven ?? (() => {})));
  const reader = new ConnectionReader();
  const deadlineMs = clock.now() + options.timeoutMs;
  try {
    for (let delayMs = firstLookMs; ; delayMs = Math.min(longestLookMs, delayMs * 1.5)) {
      await Promise.all(trials.map((trial) => trial.offer()));
      const watched = trials.map((trial) => trial.watched);
      readOccupancy(watched, reader, readTables()).forEach((occupancy, index) => {
        trials[index]?.judge(occupancy);
      });
      if (trials.every(({ unproven }) => unproven.length === 0) || signal?.aborted) break;
      if (clock.now() >= deadlineMs) break;
      await pause(clock, delayMs, signal);
    }
  } finally {
    for (const trial of trials) trial.end();
  }
  return {
    proven: trials.flatMap(({ proven }) => proven),
    unproven: trials.flatMap(({ unproven }) => unproven),
  };
}

async function pause(clock: Clock, durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await clock.sleep(durationMs, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

/** One socket, its workers, and the connections we hold to it, oldest first. */
class Trial {
  readonly #socket: ListenSocket;
  readonly #workers: readonly ProvenWorker[];
  readonly #onProven: (id: string) => void;
  readonly #proven = new Set<string>();
  #held: readonly ProbeConnection[] = [];
  #hasEnded = false;

  constructor({ socket, workers }: ProvenSocket, onProven: (id: string) => void) {
    this.#socket = socket;
    this.#workers = workers;
    this.#onProven = onProven;
  }

  get watched(): { readonly socket: ListenSocket; readonly pids: () => readonly number[] } {
    return { socket: this.#socket, pids: () => this.#workers.flatMap((worker) => worker.pids()) };
  }

  get proven(): readonly string[] {
    return this.#workers.map(({ id }) => id).filter((id) => this.#proven.has(id));
  }

  get unproven(): readonly string[] {
    return this.#workers.map(({ id }) => id).filter((id) => !this.#proven.has(id));
  }

  /** At first one connection for each worker, then one at a time where the workers took more than one each. */
  async offer(): Promise<void> {
    this.#held = this.#held.filter((connection) => !closeIfEnded(connection));
    const isFirst = this.#held.length === 0;
    const wanted = isFirst ? this.unproven.length : 1;
    for (let count = 0; count < wanted; count += 1) {
      const demand = isFirst ? 'open-one' : this.#demand();
      if (demand === 'none') return;
      if (demand === 'replace-oldest') this.#giveUpOldest();
      if (!(await this.#connect())) return;
    }
  }

  judge(occupancy: Occupancy): void {
    const acceptedByAny = this.#held.length - (occupancy.queued ?? Number(occupancy.hasQueued));
    for (const worker of this.#workers) {
      if (this.#proven.has(worker.id)) continue;
      const pids = worker.pids();
      const isSeen = pids.some((pid) => (occupancy.accepted.get(pid) ?? 0) > 0);
      const isHidden = pids.some((pid) => occupancy.unknown.includes(pid));
      if (isSeen || (isHidden && acceptedByAny >= this.#workers.length)) {
        this.#proven.add(worker.id);
        this.#onProven(worker.id);
      }
    }
  }

  end(): void {
    this.#hasEnded = true;
    for (const connection of this.#held) connection.close();
    this.#held = [];
  }

  #demand(): ReturnType<typeof probeDemand> {
    const queued = this.#socket.queued() ?? Number(this.#socket.hasQueued()) * this.unproven.length;
    return probeDemand({
      workers: this.#workers.length,
      unproven: this.unproven.length,
      held: this.#held.length,
      queued,
    });
  }

  #giveUpOldest(): void {
    const [oldest, ...others] = this.#held;
    oldest?.close();
    this.#held = others;
  }

  async #connect(): Promise<boolean> {
    try {
      const connection = await this.#socket.connectPrivately();
      if (this.#hasEnded) connection.close();
      else this.#held = [...this.#held, connection];
      return true;
    } catch {
      // A full backlog, or a socket that is being closed: the next look tries again, until the deadline.
      return false;
    }
  }
}

function closeIfEnded(connection: ProbeConnection): boolean {
  const hasEnded = connection.hasEnded();
  if (hasEnded) connection.close();
  return hasEnded;
}
