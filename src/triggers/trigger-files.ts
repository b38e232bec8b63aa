import { describeError } from '../errors.ts';
import type { Log } from '../host/log.ts';
import type { Change } from './event.ts';
import { type FileIdentity, identify } from './identity.ts';
import { PathWatches } from './path-watches.ts';
import { Polling } from './polling.ts';
import type { Source } from './source.ts';
import { watchWays } from './watched-ways.ts';

export interface TriggerFilesOptions {
  /** Absolute. */
  readonly files: readonly string[];
  readonly quietMs: number;
  readonly pollMs: number | undefined;
  readonly log: Log;
  readonly onHint: () => void;
}

/**
 * Beside the kernel's hints, files are looked at this often: hints get lost (a full event queue, a mount over the
 * path, a directory whose entries we may not hear of). The interval is the same for all pools and falls on
 * the same moments, so that the daemon wakes once for all.
 */
const besidesHintsMs = 5000;

type Identities = ReadonlyMap<string, FileIdentity | undefined>;

/** The trigger files of a pool. One that appears, or is another than before, has changed; one that vanishes has not. */
export class TriggerFiles implements Source {
  readonly quietMs: number;
  readonly #files: readonly string[];
  readonly #polling: Polling;
  readonly #watches: PathWatches;
  readonly #log: Log;
  readonly #reported = new Set<string>();
  readonly #known = new Map<string, FileIdentity>();
  #seen: Identities | undefined;
  #isHinted = true;

  constructor({ files, quietMs, pollMs, log, onHint }: TriggerFilesOptions) {
    this.quietMs = quietMs;
    this.#files = files;
    this.#log = log;
    this.#polling = new Polling({ wantedMs: pollMs, besidesHintsMs, log });
    this.#watches = new PathWatches({
      onHint: () => {
        this.#isHinted = true;
        onHint();
      },
      onExhausted: (code) => this.#polling.exhausted(code, files.join(', ')),
    });
  }

  get pollMs(): number | undefined {
    return this.#polling.intervalMs;
  }

  async look(): Promise<readonly Change[]> {
    // Without a hint the cheapest look will do: most of them find nothing.
    if (!this.#isHinted && isSame(await this.#identifyAll(), this.#seen)) return [];
    this.#isHinted = false;
    const watched = await watchWays({ paths: this.#files, watches: this.#watches, polling: this.#polling });
    this.#watches.retain(new Set(watched));
    const isFirst = this.#seen === undefined;
    this.#seen = await this.#identifyAll();
    const changes: Change[] = [];
    for (const [file, identity] of this.#seen) {
      if (identity === undefined || identity === this.#known.get(file)) continue;
      this.#known.set(file, identity);
      if (!isFirst) changes.push({ cause: 'touch', file });
    }
    return changes;
  }

  close(): void {
    this.#watches.close();
  }

  async #identifyAll(): Promise<Identities> {
    const identities = new Map<string, FileIdentity | undefined>();
    for (const file of this.#files) identities.set(file, await this.#identify(file));
    return identities;
  }

  async #identify(file: string): Promise<FileIdentity | undefined> {
    try {
      return await identify(file);
    } catch (error) {
      if (!this.#reported.has(file)) {
        this.#reported.add(file);
        this.#log.warn(
          { event: 'trigger.unreadable', file, reason: describeError(error) },
          `changes of ${file} are not seen: it cannot be looked at`,
        );
      }
      return undefined;
    }
  }
}

function isSame(now: Identities, earlier: Identities | undefined): boolean {
  return earlier !== undefined && [...now].every(([file, identity]) => earlier.get(file) === identity);
}
