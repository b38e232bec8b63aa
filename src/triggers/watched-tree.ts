import { join, relative, sep } from 'node:path';
import type { Log } from '../host/log.ts';
import type { Change } from './event.ts';
import type { TreeRevision } from './fingerprint.ts';
import { type Hint, PathWatches } from './path-watches.ts';
import { Polling } from './polling.ts';
import type { Source } from './source.ts';
import { StaleDirectories } from './stale-directories.ts';
import { TreeFilter } from './tree-filter.ts';
import { scanTree, type TreeScan } from './tree-scan.ts';
import { TreeState } from './tree-state.ts';
import { watchWays } from './watched-ways.ts';

export interface WatchedTreeOptions {
  /** Absolute. */
  readonly directory: string;
  readonly patterns: readonly string[];
  /** Absolute paths of the daemon's own files. */
  readonly ignore: readonly string[];
  readonly quietMs: number;
  readonly pollMs: number | undefined;
  readonly log: Log;
  readonly onHint: () => void;
}

/**
 * A source tree under development: the kernel's hints say where to look, reading and comparing says what
 * changed. chokidar 5 was tried and hears no more after a directory was replaced by rename(2) or a symbolic link
 * switched, takes chmod(1) for a change, and needs a watch for each file instead of each directory.
 */
export class WatchedTree implements Source {
  readonly quietMs: number;
  readonly #directory: string;
  readonly #filter: TreeFilter;
  readonly #polling: Polling;
  readonly #watches: PathWatches;
  readonly #log: Log;
  readonly #onHint: () => void;
  readonly #reported = new Set<string>();
  readonly #stale = new StaleDirectories();
  readonly #state = new TreeState();
  #way: readonly string[] = [];
  #changes = 0;
  #isHinted = false;
  #latest = '';

  /** @throws RunfcgidError CONFIG_INVALID for a pattern that is none. */
  constructor(options: WatchedTreeOptions) {
    this.quietMs = options.quietMs;
    this.#directory = options.directory;
    this.#filter = new TreeFilter(options);
    this.#log = options.log;
    this.#onHint = options.onHint;
    this.#polling = new Polling({ wantedMs: options.pollMs, besidesHintsMs: undefined, log: options.log });
    this.#watches = new PathWatches({
      onHint: (hint) => this.#hear(hint),
      onExhausted: (code) => this.#polling.exhausted(code, options.directory),
    });
  }

  get pollMs(): number | undefined {
    return this.#polling.intervalMs;
  }

  get revision(): TreeRevision {
    return { watch: this, count: this.#changes, isHinted: this.#isHinted };
  }

  /** The file that changed last, as far as it was looked at. */
  get latest(): Change {
    return this.#changeOf(this.#latest);
  }

  async look(): Promise<readonly Change[]> {
    this.#isHinted = false;
    if (this.#polling.isNeeded) this.#stale.noteAll();
    const stale = this.#stale.take();
    if (stale.areAll) this.#way = await this.#watchWay();
    const scan = await scanTree({
      root: this.#directory,
      filter: this.#filter,
      reuse: (directory) => (stale.has(directory) ? undefined : this.#state.readingOf(directory)),
      onDirectory: (path) => {
        if (!this.#polling.isNeeded) this.#watches.renew({ path });
      },
    });
    const directories = [...(scan?.readings.keys() ?? [])].map((path) => join(this.#directory, path));
    this.#watches.retain(new Set(this.#polling.isNeeded ? [] : [...this.#way, ...directories]));
    const changed = this.#state.update(scan);
    if (scan !== undefined) this.#reportUnreadable(scan);
    this.#changes += changed.length;
    this.#latest = changed[0] ?? this.#latest;
    return changed.map((path) => this.#changeOf(path));
  }

  close(): void {
    this.#watches.close();
  }

  #changeOf(path: string): Change {
    return { cause: 'watch', file: join(this.#directory, path), directory: this.#directory };
  }

  #watchWay(): Promise<readonly string[]> {
    return watchWays({ paths: [this.#directory], watches: this.#watches, polling: this.#polling });
  }

  #hear({ path, kind, name }: Hint): void {
    const isInTree = path === this.#directory || path.startsWith(this.#directory + sep);
    const entry = name === undefined ? '' : relative(this.#directory, join(path, name));
    if (!isInTree || entry === '') {
      this.#stale.noteAll();
    } else {
      if (this.#filter.isIgnored(entry)) return;
      // What came or went may be a directory; what was only written is not.
      if (kind === 'change' && !this.#filter.isWatched(entry)) return;
      if (kind === 'change') this.#stale.noteWritten(entry);
      else this.#stale.noteMoved(entry);
    }
    this.#isHinted = true;
    this.#onHint();
  }

  #reportUnreadable({ unreadable }: TreeScan): void {
    for (const [path, reason] of unreadable) {
      if (this.#reported.has(path)) continue;
      this.#reported.add(path);
      const directory = join(this.#directory, path);
      this.#log.warn(
        { event: 'trigger.unreadable', directory, reason },
        `changes in ${directory} are not seen: it cannot be read`,
      );
    }
  }
}
