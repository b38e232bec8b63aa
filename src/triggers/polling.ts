import type { Log } from '../host/log.ts';
import { isRemote } from './file-system.ts';

export interface PollingOptions {
  /** The operator's wish to look at this interval, in milliseconds, and not to use inotify(7). */
  readonly wantedMs: number | undefined;
  /** The interval while the kernel gives hints, in milliseconds; `undefined`: none. */
  readonly besidesHintsMs: number | undefined;
  readonly log: Log;
}

const defaultPollMs = 1000;

/** Decides between hints from the kernel and looking at intervals, and tells the operator once. */
export class Polling {
  readonly #options: PollingOptions;
  #isExhausted = false;
  #isRemote = false;

  constructor(options: PollingOptions) {
    this.#options = options;
  }

  /** Hints cannot be had, or are not wanted. */
  get isNeeded(): boolean {
    return this.#options.wantedMs !== undefined || this.#isExhausted || this.#isRemote;
  }

  get intervalMs(): number | undefined {
    return this.isNeeded ? (this.#options.wantedMs ?? defaultPollMs) : this.#options.besidesHintsMs;
  }

  /** Asks which file system `path` is on: it can be mounted later than the daemon starts. */
  async weigh(path: string): Promise<void> {
    const isNowRemote = this.#options.wantedMs === undefined && (await isRemote(path));
    if (isNowRemote && !this.#isRemote) {
      this.#options.log.info(
        { event: 'trigger.polling', path, intervalMs: defaultPollMs },
        `${path} is on a network file system, which tells nothing of changes: looking every ${defaultPollMs} ms`,
      );
    }
    this.#isRemote = isNowRemote;
  }

  /** @param code `ENOSPC`: no more inotify watches; `EMFILE`: no more inotify instances (inotify(7)). */
  exhausted(code: string, path: string): void {
    this.#isExhausted = true;
    const limit = code === 'EMFILE' ? 'fs.inotify.max_user_instances' : 'fs.inotify.max_user_watches';
    this.#options.log.warn(
      { event: 'trigger.polling', path, reason: code, intervalMs: this.intervalMs },
      `no inotify watches left for ${path}: looking every ${this.intervalMs} ms; raise ${limit} to hear at once`,
    );
  }
}
