import type { Clock } from '../host/clock.ts';
import { readTables } from '../host/socket-tables.ts';
import { ConnectionReader } from '../sockets/connection-reader.ts';
import { readOccupancy } from '../sockets/occupancy.ts';
import type { ProofFailure } from './proof-answer.ts';
import type { ProofExchange } from './proof-exchange.ts';
import { ProofTrial, type ProvenSocket } from './proof-trial.ts';

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

const firstLookMs = 2;
const longestLookMs = 25;

/**
 * Finds out which workers accept connections, by holding connections of our own until each worker is seen with
 * one; and, with an `exchange`, whether each answers well on the one that it holds. Several workers are never
 * proven by connections alone: one threaded worker may take them all. Only where we may not look into a worker
 * (occupancy `unknown`), as many accepted connections as the socket has workers have to do.
 */
export async function proveAccept(options: AcceptProofOptions): Promise<AcceptProof> {
  const { clock, signal, exchange, onProven = () => {}, onRefused = () => {} } = options;
  const trials = options.sockets.map(
    (each) => new ProofTrial({ ...each, exchange, clock, onProven, onRefused }),
  );
  const reader = new ConnectionReader();
  const deadlineMs = clock.now() + options.timeoutMs;
  try {
    for (let delayMs = firstLookMs; ; delayMs = Math.min(longestLookMs, delayMs * 1.5)) {
      await Promise.all(trials.map((trial) => trial.offer()));
      const watched = trials.map((trial) => trial.watched);
      readOccupancy(watched, reader, readTables()).forEach((occupancy, index) => {
        trials[index]?.judge(occupancy);
      });
      if (trials.every(({ isOver }) => isOver) || signal?.aborted) break;
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
