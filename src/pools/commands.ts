import type { PoolState, StatusSnapshot } from '../status/snapshot.ts';

/** Two ways to stop: requests in hand end first, or are cut. `kill` also hastens a `stop` that is under way. */
export type StopVerb = 'stop' | 'kill';

/** `restart` is a reload where the pool serves, and a start where it does not. */
export type PoolVerb = 'start' | StopVerb | 'restart' | 'reload';

export function isStop(verb: PoolVerb): verb is StopVerb {
  return verb === 'stop' || verb === 'kill';
}

export type PoolSelection = readonly string[] | 'all';

/** What the control socket may ask of the pools. */
export interface Commands {
  status(): Promise<StatusSnapshot>;
  /**
   * Carries the verb out on the named pools and resolves when it is true of each, or cannot become true.
   *
   * @throws RunfcgidError PLAN_UNKNOWN_POOL before anything is done.
   */
  run(verb: PoolVerb, pools: PoolSelection, onProgress: OnProgress): Promise<readonly PoolOutcome[]>;
  /**
   * Stops pools and starts them again, each as soon as it has stopped: the slowest keeps no other pool down. The
   * daemon does it by itself, so that a client which goes away half-way leaves no pool stopped. A stop that is asked
   * for meanwhile is the last word.
   *
   * @throws RunfcgidError PLAN_UNKNOWN_POOL before anything is done.
   */
  restartHard(
    pools: PoolSelection,
    stopBy: StopVerb,
    onProgress: OnProgress,
  ): Promise<readonly PoolOutcome[]>;
  /**
   * Changes the number of workers of one pool, without touching the others where that can be done without a loss;
   * otherwise all are replaced. Resolves when those that are too many have left the address. Lasts until the daemon ends or the
   * pool's configuration changes.
   *
   * @throws RunfcgidError PLAN_UNKNOWN_POOL; USAGE for fewer workers than the pool has addresses.
   */
  scale(pool: string, workers: number, onProgress: OnProgress): Promise<readonly PoolOutcome[]>;
  /** Takes the reloads of the named pools back: the generations from before them serve on, or again. */
  takeBack(pools: PoolSelection): Promise<readonly PoolOutcome[]>;
  /**
   * Reads the configuration again and applies what has changed; pools whose settings are the same keep their
   * processes. One outcome for each pool that is new, gone, changed or refused.
   *
   * @throws RunfcgidError CONFIG_… when the whole is invalid; then nothing has changed.
   */
  reconfigure(onProgress: OnProgress): Promise<Reconfiguration>;
  /** Stops every pool and ends the daemon. Resolves when all pools have stopped; the process ends after that. */
  shutDown(how: StopVerb, onProgress: OnProgress): Promise<readonly PoolOutcome[]>;
}

export interface Reconfiguration {
  readonly outcomes: readonly PoolOutcome[];
  /** Sentences about what has changed and cannot be applied to a daemon that runs. */
  readonly notes: readonly string[];
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
  /** It cannot be done because of how the pool is configured. */
  readonly isMisconfigured?: boolean;
}
