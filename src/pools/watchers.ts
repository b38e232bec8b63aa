import type { PoolSnapshot } from '../status/snapshot.ts';
import type { OnProgress, PoolOutcome } from './commands.ts';
import type { Pool } from './pool.ts';
import { progressOf } from './verdict.ts';

/** Those who wait until something is true of a pool, and are told meanwhile how it comes along. */
export class Watchers {
  readonly #snapshot: (pool: Pool) => PoolSnapshot;
  readonly #looks = new Set<() => void>();

  constructor(snapshot: (pool: Pool) => PoolSnapshot) {
    this.#snapshot = snapshot;
  }

  /** Something has changed in some pool. */
  look(): void {
    for (const look of [...this.#looks]) look();
  }

  /** Resolves when there is a verdict. */
  until(
    pool: Pool,
    verdict: (snapshot: PoolSnapshot) => PoolOutcome | undefined,
    onProgress: OnProgress,
  ): Promise<PoolOutcome> {
    let isReached = false;
    const outcome = new Promise<PoolOutcome>((resolve) => {
      const look = (): void => {
        const reached = verdict(this.#snapshot(pool));
        if (reached === undefined) return;
        this.#looks.delete(look);
        isReached = true;
        resolve(reached);
      };
      this.#looks.add(look);
      look();
    });
    // What has become true is the outcome, and not told twice.
    const tell: OnProgress = (progress) => !isReached && onProgress(progress);
    return this.whileTelling(pool, tell, outcome);
  }

  /** Tells how a pool comes along until `result` is there. */
  async whileTelling<Result>(pool: Pool, onProgress: OnProgress, result: Promise<Result>): Promise<Result> {
    let told = '';
    const tell = (): void => {
      const message = progressOf(this.#snapshot(pool));
      if (message === told) return;
      told = message;
      onProgress({ pool: pool.plan.name, message });
    };
    this.#looks.add(tell);
    tell();
    return result.finally(() => this.#looks.delete(tell));
  }
}
