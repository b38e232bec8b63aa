import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import type { WorkerSurroundings } from '../workers/worker.ts';

/** What a pool needs of the world. */
export interface PoolSurroundings extends WorkerSurroundings {
  readonly createEndpoint: (plan: ListenPlan) => Endpoint;
  readonly watchDrain: WatchDrain;
}

/** Calls `onDrained` once when no connection is queued on the sockets or held by the processes any more. */
export type WatchDrain = (options: {
  readonly sockets: readonly ListenSocket[];
  readonly pids: () => readonly number[];
  readonly onDrained: () => void;
}) => { cancel(): void };
