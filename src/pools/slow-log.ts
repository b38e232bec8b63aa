import { nameRequest, requestFields, showSeconds } from '../workers/request-text.ts';
import type { RequestEvent } from '../workers/request-watch.ts';
import type { Worker } from '../workers/worker.ts';
import type { PoolSurroundings } from './surroundings.ts';

type Slow = Extract<RequestEvent, { kind: 'slow' }>;

/** Tells of slow requests, with where their workers were. */
export class SlowLog {
  readonly #pool: string;
  readonly #surroundings: Pick<PoolSurroundings, 'clock' | 'log' | 'appendTo'>;

  constructor(pool: string, surroundings: Pick<PoolSurroundings, 'clock' | 'log' | 'appendTo'>) {
    this.#pool = pool;
    this.#surroundings = surroundings;
  }

  /** @param file `undefined`: the daemon's own log. */
  write(file: string | undefined, worker: Worker, { request, traceback }: Slow): void {
    const { clock, log, appendTo } = this.#surroundings;
    const { id, pid } = worker;
    const from = request.remote === '' ? '' : ` from ${request.remote}`;
    const what = `${nameRequest(request)}${from} has run for ${showSeconds(request.ageMs)}`;
    const lines = traceback.length === 0 ? ['no traceback came from the worker'] : traceback;
    if (file === undefined) {
      log.warn({ event: 'request.slow', worker: id, pid, ...requestFields(request), traceback: lines }, what);
      return;
    }
    const head = `${clock.wallTime().toISOString()} pool ${this.#pool} worker ${id} pid ${pid ?? '-'}: ${what}`;
    appendTo(file, `${[head, ...lines.map((line) => `  ${line}`)].join('\n')}\n\n`);
  }
}
