import type { Clock } from '../host/clock.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import type { WorkerSurroundings } from '../workers/worker.ts';

/** What a pool needs of the world. */
export interface PoolSurroundings extends WorkerSurroundings {
  readonly createEndpoint: (plan: ListenPlan) => Endpoint;
  readonly watchDrain: WatchDrain;
  readonly proveAccept: ProveAccept;
}

/** Calls `onDrained` once when no connection is queued on the sockets or held by the processes any more. */
export type WatchDrain = (options: {
  readonly sockets: readonly ListenSocket[];
  readonly pids: () => readonly number[];
  readonly onDrained: () => void;
}) => { cancel(): void };

/**
 * Holds connections to the sockets until each worker is seen holding one of them; tells which are. Resolves when
 * all are, when the time is up, or when `signal` is aborted.
 */
export type ProveAccept = (options: {
  readonly sockets: readonly {
    readonly socket: ListenSocket;
    readonly workers: readonly { readonly id: string; readonly pids: () => readonly number[] }[];
  }[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProven: (id: string) => void;
}) => Promise<unknown>;
