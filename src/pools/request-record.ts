import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { RequestPlan } from '../plan/plan.ts';
import { nameRequest, nameRequests, requestFields, showSeconds } from '../workers/request-text.ts';
import type { RequestEvent, TimeoutEnd } from '../workers/request-watch.ts';
import type { ShownRequest } from '../workers/scoreboard.ts';
import type { Worker } from '../workers/worker.ts';
import { SlowLog } from './slow-log.ts';
import type { PoolSurroundings } from './surroundings.ts';

export type RequestSurroundings = Pick<PoolSurroundings, 'clock' | 'log' | 'appendTo'>;
type Timeout = Extract<RequestEvent, { kind: 'timed-out' }>;
type Cut = Extract<RequestEvent, { kind: 'cut' }>;

const sentences: Readonly<Record<TimeoutEnd, string>> = {
  interrupted: 'was interrupted',
  left: 'could not be ended in its thread; its worker has left with it when the others were done',
  killed: 'could not be interrupted; its worker is killed',
};

/** What has happened to requests of a pool since the daemon started, where its program shows them. */
export class RequestRecord {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #slowLog: SlowLog;
  /** Requests that were in hand when their worker ended, without those of `timeouts`. */
  cut = 0;
  readonly timeouts: Record<TimeoutEnd, number> = { interrupted: 0, left: 0, killed: 0 };
  lastCut: { readonly at: Date; readonly worker: string; readonly request: ShownRequest } | undefined;
  lastTimeout: (Timeout & { readonly at: Date; readonly worker: string }) | undefined;

  constructor(pool: string, surroundings: RequestSurroundings) {
    this.#clock = surroundings.clock;
    this.#log = surroundings.log;
    this.#slowLog = new SlowLog(pool, surroundings);
  }

  note(worker: Worker, event: RequestEvent, { slowLog }: RequestPlan): void {
    if (event.kind === 'slow') this.#slowLog.write(slowLog, worker, event);
    else if (event.kind === 'cut') this.#noteCut(worker, event);
    else this.#noteTimeout(worker, event);
  }

  #noteCut({ id }: Worker, { pid, isDeath, requests }: Cut): void {
    this.cut += requests.length;
    const request = requests.at(-1);
    if (request !== undefined) this.lastCut = { at: this.#clock.wallTime(), worker: id, request };
    if (isDeath) return;
    this.#log.warn(
      { event: 'requests.cut', worker: id, pid, requests: requests.map(requestFields) },
      `the end of the worker has cut ${nameRequests(requests)}`,
    );
  }

  #noteTimeout({ id, pid }: Worker, timeout: Timeout): void {
    const { how, request } = timeout;
    this.timeouts[how] += 1;
    this.lastTimeout = { ...timeout, at: this.#clock.wallTime(), worker: id };
    this.#log.warn(
      { event: 'request.timed-out', worker: id, pid, how, ...requestFields(request) },
      `${nameRequest(request)} had run for ${showSeconds(request.ageMs)} and ${sentences[how]}`,
    );
  }
}
