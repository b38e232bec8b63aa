import type { Log } from '../host/log.ts';
import { deathOf, requestsCutBy } from './end-facts.ts';
import type { Life } from './life.ts';
import { requestFields } from './request-text.ts';
import type { WorkerOptions } from './worker-contract.ts';
import type { WorkerState } from './worker-vocabulary.ts';

type EndReportOptions = Pick<WorkerOptions, 'id' | 'generation' | 'lifecycle' | 'onDeath' | 'onRequest'>;

/**
 * Tells how the lives of a worker ended. What decides nothing is told when all that follows from the end has been done:
 * the next life does not wait for it.
 */
export class EndReport {
  readonly #options: EndReportOptions;
  readonly #log: Log;

  constructor(options: EndReportOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /** Requests that it had in hand in its last state. */
  tellCut(life: Life, state: WorkerState): void {
    queueMicrotask(() => {
      const requests = requestsCutBy(life, state);
      if (requests.length === 0) return;
      const isDeath = !('end' in state) && !life.endedWith(this.#options.lifecycle().expectedExits);
      this.#options.onRequest({ kind: 'cut', pid: life.pid, isDeath, requests });
    });
  }

  /** An early death decides what becomes of the pool. */
  tellDeath(life: Life, isEarly: boolean, previous: WorkerState): void {
    if (isEarly) this.#tell(life, isEarly, previous);
    else queueMicrotask(() => this.#tell(life, isEarly, previous));
  }

  #tell(life: Life, isEarly: boolean, previous: WorkerState): void {
    const { id, generation, lifecycle, onDeath } = this.#options;
    const death = deathOf(life, previous, lifecycle());
    const requests = requestsCutBy(life, previous).map(requestFields);
    const fields = { event: 'worker.died', pid: death.pid, ...(requests.length > 0 && { requests }) };
    this.#log.warn(fields, death.reason);
    onDeath({ worker: id, generation, isEarly, ...death });
  }
}
