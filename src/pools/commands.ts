import type { PoolState, StatusSnapshot } from '../status/snapshot.ts';

export type PoolVerb = 'start' | 'stop' | 'restart';

/** What the control socket may ask of the pools. */
export interface Commands {
  status(): Promise<StatusSnapshot>;
  /**
   * Carries the verb out on the named pools and resolves when it is true of each, or cannot become true.
   *
   * @throws RunfcgidError PLAN_UNKNOWN_POOL before anything is done.
   */
  run(
    verb: PoolVerb,
    pools: readonly string[] | 'all',
    onProgress: OnProgress,
  ): Promise<readonly PoolOutcome[]>;
  /** Stops every pool and ends the daemon. Resolves when all pools have stopped; the process ends after that. */
  shutDown(onProgress: OnProgress): Promise<readonly PoolOutcome[]>;
}

export type OnProgress = (progress: PoolProgress) => void;

export interface PoolProgress {
  readonly pool: string;
  /** One sentence: "2 of 4 workers ready". */
  readonly message: string;
}

export interface PoolOutcome {
  readonly pool: string;
  readonly isDone: boolean;
  readonly state: PoolState;
  /** One sentence for the operator: "running with 4 workers", or why not. */
  readonly message: string;
  /** Last lines of output, a traceback, a hint. */
  readonly details: readonly string[];
}
