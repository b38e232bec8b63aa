import { formatSize } from '../config/units.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { MemoryMeasure } from '../host/memory.ts';
import type { MemoryLimit } from '../plan/plan.ts';
import { formatBytes } from '../status/quantities.ts';
import type { Worker } from '../workers/worker.ts';

export interface MemoryWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly readMemory: (pid: number, measure: MemoryMeasure) => number | undefined;
  /** Asked each time, because it may change. */
  readonly limit: () => MemoryLimit | undefined;
  /** Those that serve. */
  readonly workers: () => readonly Worker[];
}

/** How often it looks. */
export const memoryPeriodMs = 5_000;

/** Looks every few seconds whether a worker of a pool has come over its limit of memory, descendants included. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  #timer: Timer | undefined;
  #isBlind = false;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  /** Begins to look, where there is a limit; does nothing when it does so already. */
  watch(): void {
    const { clock, limit } = this.#options;
    if (this.#timer !== undefined || limit() === undefined) return;
    this.#timer = clock.at(clock.now() + memoryPeriodMs, () => {
      this.#timer = undefined;
      this.#look();
      this.watch();
    });
  }

  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    const limit = this.#options.limit();
    if (limit === undefined) return;
    for (const worker of this.#options.workers()) {
      if (worker.state.name !== 'ready') continue;
      const bytes = this.#measure(worker, limit.measure);
      if (bytes <= limit.maxBytes) continue;
      const detail = `${formatBytes(bytes)} of ${limit.measure}, more than ${formatSize(limit.maxBytes)}`;
      worker.wearOut({ reason: 'max_memory', detail });
    }
  }

  /** Processes that cannot be read count for nothing: nobody is replaced for what is unknown. */
  #measure(worker: Worker, measure: MemoryMeasure): number {
    const parts = worker.treePids().map((pid) => this.#options.readMemory(pid, measure));
    if (parts.length > 0 && parts.every((bytes) => bytes === undefined)) this.#warn(worker, measure);
    return parts.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
  }

  /** Once. */
  #warn(worker: Worker, measure: MemoryMeasure): void {
    if (this.#isBlind) return;
    this.#isBlind = true;
    this.#options.log.warn(
      { event: 'memory.unknown', worker: worker.id, pid: worker.pid },
      `max_memory has no effect: the ${measure} of a worker cannot be read`,
    );
  }
}
