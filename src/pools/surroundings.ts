import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { MemoryMeasure } from '../host/memory.ts';
import type { ListenPlan, ReloadPlan } from '../plan/plan.ts';
import type { ProofFailure } from '../probes/proof-answer.ts';
import type { ProofExchange } from '../probes/proof-exchange.ts';
import type { ProvenWorker } from '../probes/proof-trial.ts';
import type { DrainOptions, DrainWatch } from '../sockets/drain-watch.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';
import type { TriggerEvent } from '../triggers/event.ts';
import type { Triggers } from '../triggers/triggers.ts';
import type { ForkingLauncher } from '../workers/launcher.ts';
import type { WorkerSurroundings } from '../workers/worker-contract.ts';

/** What a pool needs of the world. */
export interface PoolSurroundings extends WorkerSurroundings {
  /** For the workers of one generation of a pool. */
  readonly createForkLauncher: (pool: string, log: Log) => ForkingLauncher;
  /** Appends whole lines to a log file. */
  readonly appendTo: (file: string, text: string) => void;
  readonly createEndpoint: (plan: ListenPlan) => Endpoint;
  readonly watchDrain: WatchDrain;
  readonly proveAccept: ProveAccept;
  /** Memory of a process in bytes; `undefined` when it cannot be read. */
  readonly readMemory: (pid: number, measure: MemoryMeasure) => number | undefined;
  /** Begins to watch; `undefined` when the plan names nothing to watch. */
  readonly createTriggers: (
    plan: ReloadPlan,
    log: Log,
    onFire: (event: TriggerEvent) => void,
  ) => Triggers | undefined;
}

/** Calls `onDrained` once when no connection is queued on the sockets or held by the processes any more. */
export type WatchDrain = (options: Omit<DrainOptions, 'clock'>) => DrainWatch;

/**
 * Holds connections to the sockets until each worker is seen holding one of them, and has answered there what it is
 * asked; tells which are proven and which are not. Resolves when that is known of all, when the time is up, or when
 * `signal` is aborted.
 */
export type ProveAccept = (options: {
  readonly sockets: readonly {
    readonly socket: ListenSocket;
    readonly workers: readonly ProvenWorker[];
  }[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What each is asked on the connection that it holds; `undefined`: nothing. */
  readonly exchange: ProofExchange | undefined;
  readonly onProven: (id: string) => void;
  readonly onRefused: (id: string, failure: ProofFailure) => void;
}) => Promise<unknown>;
