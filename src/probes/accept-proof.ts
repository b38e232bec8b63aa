import type { Clock } from '../host/clock.ts';
import { readTables } from '../host/socket-tables.ts';
import { ConnectionReader } from '../sockets/connection-reader.ts';
import { readOccupancy } from '../sockets/occupancy.ts';
import type { ProofFailure } from './proof-answer.ts';
import type { ProofExchange } from './proof-exchange.ts';
import { type ProofSight, ProofTrial, type ProvenSocket } from './proof-trial.ts';

export interface AcceptProofOptions {
  readonly sockets: readonly ProvenSocket[];
  /** For those that never accept; an exchange has a time limit of its own. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Aborted: resolves soon, with what is proven by then. */
  readonly signal?: AbortSignal;
  /** What each worker is asked on a connection that it holds. Without it nothing is sent. */
  readonly exchange?: ProofExchange | undefined;
  /** Called once for each worker, as soon as it is proven. */
  readonly onProven?: (id: string) => void;
  /** Called once for each worker whose exchange failed. */
  readonly onRefused?: (id: string, failure: ProofFailure) => void;
}

export interface AcceptProof {
  readonly proven: readonly string[];
  readonly unproven: readonly string[];
}

const firstLookMs = 1;
const longestLookMs = 5;
/** Looking takes at most so much of one core from the workers that start. */
const longestShare = 0.1;
/** Between two looks at descendants, the rarer the longer it takes. */
const firstTreeLookMs = 2;
const longestTreeLookMs = 25;

/**
 * Finds out which workers accept connections, by holding connections of our own until each worker is seen with
 * one; and, with an `exchange`, whether each answers well on the one that it holds. Several workers are never
 * proven by connections alone: one threaded worker may take them all. Only where we may not look into a worker
 * (occupancy `unknown`), as many accepted connections as the socket has workers have to do.
 *
 * Looking at the processes that were started costs little and is done often. Their descendants are found by a look
 * through all processes of the machine, which takes the time of many workers' start: they are looked at when somebody
 * else has accepted, and now and then.
 */
export async function proveAccept(options: AcceptProofOptions): Promise<AcceptProof> {
  const { clock, signal, exchange, onProven = () => {}, onRefused = () => {} } = options;
  const trials = options.sockets.map(
    (each) => new ProofTrial({ ...each, exchange, clock, onProven, onRefused }),
  );
  const treeLooks = new TreeLooks(clock);
  const reader = new ConnectionReader();
  const look = (sight: ProofSight): boolean => {
    const watched = trials.map((trial) => trial.watched(sight));
    const occupancies = readOccupancy(watched, reader, readTables());
    return occupancies.map((occupancy, index) => trials[index]?.judge(occupancy, sight)).includes('missing');
  };
  const isOver = (): boolean => trials.every((trial) => trial.isOver);
  const deadlineMs = clock.now() + options.timeoutMs;
  try {
    for (let delayMs = firstLookMs; ; delayMs = Math.min(longestLookMs, delayMs * 1.5)) {
      await Promise.all(trials.map((trial) => trial.offer()));
      const beganMs = clock.now();
      const isMissingSome = look('own');
      const tookMs = clock.now() - beganMs;
      if (!isOver() && treeLooks.isDue(isMissingSome)) treeLooks.time(() => look('trees'));
      if (isOver() || signal?.aborted || clock.now() >= deadlineMs) break;
      await pause(clock, Math.max(delayMs, tookMs / longestShare), signal);
    }
  } finally {
    for (const trial of trials) trial.end();
  }
  return {
    proven: trials.flatMap(({ proven }) => proven),
    unproven: trials.flatMap(({ unproven }) => unproven),
  };
}

/** When to look at descendants. */
class TreeLooks {
  readonly #clock: Clock;
  #delayMs = firstTreeLookMs;
  /** Not before, though somebody else has accepted. */
  #earliestMs: number;
  #latestMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#earliestMs = clock.now();
    this.#latestMs = clock.now() + longestTreeLookMs;
  }

  isDue(isMissingSome: boolean): boolean {
    return this.#clock.now() >= (isMissingSome ? this.#earliestMs : this.#latestMs);
  }

  time(look: () => void): void {
    const beganMs = this.#clock.now();
    look();
    const nowMs = this.#clock.now();
    const leastMs = (nowMs - beganMs) / longestShare;
    this.#earliestMs = nowMs + Math.max(this.#delayMs, leastMs);
    this.#latestMs = nowMs + Math.max(longestTreeLookMs, leastMs);
    this.#delayMs = Math.min(longestTreeLookMs, this.#delayMs * 1.5);
  }
}

async function pause(clock: Clock, durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await clock.sleep(durationMs, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
