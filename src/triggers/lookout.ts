import { describeError } from '../errors.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { Change } from './event.ts';
import { type Batch, dueMs, withActivity } from './settle.ts';
import type { Source } from './source.ts';

export interface LookoutOptions {
  /** The longest time from the first activity to the event, in milliseconds. */
  readonly maxWaitMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSettled: (changes: readonly Change[]) => void;
}

/** Looks at its sources when they hint, when a batch is due and at their poll intervals; one look at a time. */
export class Lookout {
  readonly #options: LookoutOptions;
  readonly #polls = new Map<Source, Timer>();
  #sources: readonly Source[] = [];
  #batch: Batch | undefined;
  #settling: Timer | undefined;
  #looks: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** True while something was heard or found that has not been told. */
  get isSettling(): boolean {
    return this.#batch !== undefined;
  }

  /** Takes the first look, the one that everything is compared with. */
  async start(sources: readonly Source[]): Promise<void> {
    this.#sources = sources;
    for (const source of sources) await this.#queue(() => this.#look(source));
  }

  /** `source` may have changed. The first hint is followed at once, further ones postpone the end of the batch. */
  hint(source: Source): void {
    if (this.#isClosed) return;
    const isFirst = this.#batch === undefined;
    this.#noteActivity(source, []);
    if (isFirst) void this.#queue(() => this.#look(source));
  }

  /** Resolves when nothing of it is left: no timer, no watch, no look. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#settling?.cancel();
    for (const timer of this.#polls.values()) timer.cancel();
    for (const source of this.#sources) source.close();
    await this.#looks;
    // A look that was under way has set up watches again.
    for (const source of this.#sources) source.close();
  }

  async #look(source: Source): Promise<void> {
    const startedMs = this.#options.clock.now();
    try {
      const changes = await source.look();
      if (!this.#isClosed && changes.length > 0) this.#noteActivity(source, changes);
    } catch (error) {
      const reason = describeError(error);
      this.#options.log.warn({ event: 'trigger.failed', reason }, 'looking for changed files failed');
    } finally {
      this.#schedulePoll(source, this.#options.clock.now() - startedMs);
    }
  }

  #noteActivity(source: Source, changes: readonly Change[]): void {
    const nowMs = this.#options.clock.now();
    this.#batch = withActivity(this.#batch, { nowMs, quietMs: source.quietMs, changes });
    this.#scheduleEnd(this.#batch);
  }

  #scheduleEnd(batch: Batch): void {
    this.#settling?.cancel();
    const deadlineMs = dueMs(batch, this.#options.maxWaitMs);
    this.#settling = this.#options.clock.at(deadlineMs, () => void this.#queue(() => this.#conclude()));
  }

  async #conclude(): Promise<void> {
    for (const source of this.#sources) await this.#look(source);
    const batch = this.#batch;
    if (batch === undefined || this.#isClosed) return;
    if (dueMs(batch, this.#options.maxWaitMs) > this.#options.clock.now()) return;
    this.#settling?.cancel();
    this.#batch = undefined;
    if (batch.changes.length > 0) this.#options.onSettled(batch.changes);
  }

  /** The next look without a hint falls on a multiple of the interval: all pools wake the daemon together. */
  #schedulePoll(source: Source, tookMs: number): void {
    this.#polls.get(source)?.cancel();
    if (this.#isClosed || source.pollMs === undefined) return;
    // A tree that takes long to read takes at most a tenth of the time.
    const intervalMs = Math.max(source.pollMs, 10 * tookMs);
    const deadlineMs = (Math.floor(this.#options.clock.now() / intervalMs) + 1) * intervalMs;
    const look = (): void => void this.#queue(() => this.#look(source));
    this.#polls.set(source, this.#options.clock.at(deadlineMs, look));
  }

  #queue(task: () => Promise<void>): Promise<void> {
    const done = this.#looks.then(async () => {
      if (!this.#isClosed) await task();
    });
    this.#looks = done.catch(() => undefined);
    return done;
  }
}
