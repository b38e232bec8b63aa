import type { PoolPlan } from '../plan/plan.ts';
import type { StopDeadlines } from '../plan/stop-deadlines.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import type { ForkingLauncher } from '../workers/launcher.ts';
import type { RequestEvent } from '../workers/request-watch.ts';
import type { Worker } from '../workers/worker.ts';
import type { Death } from '../workers/worker-contract.ts';
import type { Wear } from '../workers/worker-vocabulary.ts';

export interface GenerationOptions {
  readonly number: number;
  readonly phase: 'live' | 'proving';
  readonly plan: PoolPlan;
  /** One for each listen address of the plan, in its order. Owned by the generation from here on. */
  readonly sockets: readonly ListenSocket[];
  /** How many workers to begin with. */
  readonly size: number;
  /** Its code was proven by another generation, and others serve its sockets. */
  readonly isJoining?: boolean;
  /** What the generation that has proven its code forked its workers from. */
  readonly forks?: ForkingLauncher | undefined;
  /** Other code or another configuration than that of the live generation is there. */
  readonly isOutdated: () => boolean;
  /** Of the pool, when that is to stop. */
  readonly stop: () => StopDeadlines | undefined;
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
  /** Another has taken over from a worker that had reached a limit, or does so now. */
  readonly onRecycled: (worker: Worker, wear: Wear) => void;
  /** A worker cannot leave the address at a moment without a connection (worker-contract.ts). */
  readonly onStuck: (worker: Worker) => void;
  readonly onCut: (worker: Worker, connections: number | undefined) => void;
  readonly onRequest: (worker: Worker, event: RequestEvent) => void;
}
