import type { PoolOutcome, StopVerb } from './commands.ts';
import * as outcomes from './outcomes.ts';
import type { Pool } from './pool.ts';

/** Pools that are stopped to be started again, of which a stop that is asked for meanwhile is the last word. */
export class HardRestarts {
  readonly #comingBack = new WeakSet<Pool>();

  /** @param ask carries one verb out; a stop `giveUp`s before it returns its promise. */
  async carryOut(
    pool: Pool,
    how: StopVerb,
    ask: (verb: StopVerb | 'start') => Promise<PoolOutcome>,
  ): Promise<PoolOutcome> {
    const stopping = ask(how);
    this.#comingBack.add(pool);
    const stopped = await stopping;
    if (!stopped.isDone) return stopped;
    // Another hard restart may have started it already; to start it then is nothing new.
    if (this.#comingBack.has(pool)) return ask('start');
    return outcomes.of(
      pool,
      false,
      `${stopped.message}, and not started again: a stop was asked for meanwhile`,
    );
  }

  /** Somebody wants it stopped. */
  giveUp(pool: Pool): void {
    this.#comingBack.delete(pool);
  }
}
