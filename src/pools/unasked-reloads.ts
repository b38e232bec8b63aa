import type { Log } from '../host/log.ts';
import type { Worker } from '../workers/worker.ts';
import type { Generations } from './generations.ts';
import type { ReloadRequests } from './reload-requests.ts';

export interface UnaskedReloadsOptions {
  readonly log: Log;
  readonly reloads: ReloadRequests;
  readonly generations: Generations;
}

/** The reloads that a pool asks for by itself, and when it may. */
export class UnaskedReloads {
  readonly #options: UnaskedReloadsOptions;
  #mayAtMs = 0;

  constructor(options: UnaskedReloadsOptions) {
    this.#options = options;
  }

  /** Monotonic milliseconds before which none is asked for that would be like one that failed. */
  get mayAtMs(): number {
    return this.#mayAtMs;
  }

  noteSwitched(): void {
    this.#mayAtMs = 0;
  }

  noteRefused(retryAtMs: number): void {
    this.#mayAtMs = retryAtMs;
  }

  /** What the operator takes back does not come back for the sake of worn workers. */
  noteTakenBack(): void {
    this.#mayAtMs = Number.POSITIVE_INFINITY;
  }

  forLost(): void {
    this.#ask('a lost worker is replaced by a new generation: the code may be another by now');
  }

  forWorn(): void {
    this.#ask('a worn worker is replaced by a new generation: the code may be another by now');
  }

  /** Nobody is told to end with requests in hand before another generation has had the chance to take over. */
  forStuck(worker: Worker): void {
    const { reloads, generations } = this.#options;
    if (!isOfLive(worker, generations)) return;
    const outcome = generations.candidate === undefined ? reloads.add() : reloads.join();
    void outcome.then(({ kind }) => {
      const isLeftAlone = kind !== 'switched' && isOfLive(worker, generations);
      if (isLeftAlone && worker.state.name === 'stuck') worker.stop();
    });
  }

  #ask(why: string): void {
    this.#options.log.warn({ event: 'worker.held' }, why);
    void this.#options.reloads.add();
  }
}

/** What it holds is not drained with an old generation. */
function isOfLive(worker: Worker, { live }: Generations): boolean {
  return live?.present.includes(worker) ?? false;
}
