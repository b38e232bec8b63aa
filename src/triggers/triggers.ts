import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { type Change, eventFor, type TriggerEvent } from './event.ts';
import { differences, type Fingerprint, fingerprintOf, hasTreeChanged } from './fingerprint.ts';
import { Lookout } from './lookout.ts';
import type { Source } from './source.ts';
import { TriggerFiles } from './trigger-files.ts';
import { WatchedTree } from './watched-tree.ts';

export interface TriggersOptions {
  /** Trigger files, absolute; they need not exist. */
  readonly files: readonly string[];
  readonly watch?: WatchOptions | undefined;
  /** How long trigger files must be left alone before they count, in milliseconds; 200 when absent. */
  readonly touchSettleMs?: number | undefined;
  /** The same for the watched tree; 500 when absent. */
  readonly watchSettleMs?: number | undefined;
  /** A writer who never stops holds an event back no longer than this, in milliseconds; 10 s when absent. */
  readonly maxWaitMs?: number | undefined;
  /** Look at this interval instead of using inotify(7), in milliseconds. */
  readonly pollMs?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFire: (event: TriggerEvent) => void;
}

export interface WatchOptions {
  /** Absolute. */
  readonly directory: string;
  /** Which files of it, with the rules of gitignore(5); `!` in front excludes. */
  readonly patterns: readonly string[];
  /** Absolute paths of the daemon's own files and directories. */
  readonly ignore: readonly string[];
}

/** What starts a reload of one pool by itself: its trigger files and its watched tree, settled to one event. */
export class Triggers {
  readonly #options: TriggersOptions;
  readonly #lookout: Lookout;
  readonly #tree: WatchedTree | undefined;

  /** @throws RunfcgidError CONFIG_INVALID for a watch pattern that is none. */
  constructor(options: TriggersOptions) {
    this.#options = options;
    this.#lookout = new Lookout({
      maxWaitMs: options.maxWaitMs ?? 10_000,
      clock: options.clock,
      log: options.log,
      onSettled: (changes) => this.#fire(changes),
    });
    this.#tree = this.#createTree();
  }

  /** Resolves when every change from now on is seen. A file that does not exist is no error. */
  async start(): Promise<void> {
    await this.#lookout.start([...this.#createFiles(), ...(this.#tree === undefined ? [] : [this.#tree])]);
  }

  /** To be taken before a generation reads its code: what is written later is then later for certain. */
  fingerprint(): Fingerprint {
    return fingerprintOf(this.#options.files, this.#tree?.revision);
  }

  /**
   * What a generation with the fingerprint `earlier` has not read: trigger files are looked at now, the tree is
   * as last seen. `undefined`: nothing changed. It may be told again by `onFire`.
   */
  hasChangedSince(earlier: Fingerprint): TriggerEvent | undefined {
    const now = this.fingerprint();
    const tree = this.#tree !== undefined && hasTreeChanged(earlier, now) ? [this.#tree.latest] : [];
    return eventFor([...differences(earlier, now), ...tree]);
  }

  /** Resolves when nothing is watched any more; no event comes after the call. */
  async close(): Promise<void> {
    await this.#lookout.close();
  }

  #fire(changes: readonly Change[]): void {
    const event = eventFor(changes);
    if (event === undefined) return;
    const { cause, file, others, summary } = event;
    this.#options.log.info({ event: 'trigger.fired', cause, file, others }, `${summary} changed`);
    this.#options.onFire(event);
  }

  #createFiles(): readonly Source[] {
    const { files, touchSettleMs = 200, pollMs, log } = this.#options;
    if (files.length === 0) return [];
    const source = new TriggerFiles({
      files,
      quietMs: touchSettleMs,
      pollMs,
      log,
      onHint: () => this.#lookout.hint(source),
    });
    return [source];
  }

  #createTree(): WatchedTree | undefined {
    const { watch, watchSettleMs = 500, pollMs, log } = this.#options;
    if (watch === undefined) return undefined;
    const source = new WatchedTree({
      ...watch,
      quietMs: watchSettleMs,
      pollMs,
      log,
      onHint: () => this.#lookout.hint(source),
    });
    return source;
  }
}
