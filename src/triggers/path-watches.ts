import { watch as watchPath } from 'node:fs';

export interface WatchPoint {
  readonly path: string;
  /** In a directory: the only names that matter; absent: all do. */
  readonly names?: ReadonlySet<string>;
}

export interface Hint {
  readonly path: string;
  /** `rename`: something came or went; `change`: contents or attributes (Node's fs.watch). */
  readonly kind: string;
  /** The entry of the directory at `path`, or the file's own name. */
  readonly name: string | undefined;
}

export interface PathWatchesOptions {
  readonly onHint: (hint: Hint) => void;
  /** The kernel gives no more watches: `ENOSPC` (max_user_watches) or `EMFILE` (max_user_instances). */
  readonly onExhausted: (code: string) => void;
  /** Node's `fs.watch`, unless a test brings its own. */
  readonly watch?: (path: string, listener: (kind: string, name: string | null) => void) => Watcher;
}

interface Watcher {
  close(): void;
  on(event: 'error', listener: () => void): unknown;
}

interface Watched {
  readonly watcher: Watcher;
  readonly names: ReadonlySet<string> | undefined;
}

/**
 * Inotify watches on a changing set of paths. What they tell is a hint to look, never the truth: an event can be
 * missed, doubled, or be about nothing.
 *
 * A directory's watch sees its entries, not theirs, and wakes the daemon at every write to one of them; a file's
 * own watch sees its writes, its replacement by rename(2) (IN_ATTRIB, its link count falls) and its removal.
 */
export class PathWatches {
  readonly #options: PathWatchesOptions;
  readonly #watched = new Map<string, Watched>();
  #isExhausted = false;

  constructor(options: PathWatchesOptions) {
    this.#options = options;
  }

  /**
   * Watches what is at the path now. A watch there may be on a directory that was removed since, and nothing tells
   * it from the present one: the kernel gives the same inode number again. What cannot be watched is left out.
   */
  renew(point: WatchPoint): void {
    if (this.#isExhausted) return;
    // The new watch before the end of the old one: nothing goes unheard.
    const watcher = this.#open(point.path);
    this.#drop(point.path);
    if (watcher !== undefined) this.#watched.set(point.path, { watcher, names: point.names });
  }

  /** Gives up every watch on a path that is not in `paths`. */
  retain(paths: ReadonlySet<string>): void {
    for (const path of [...this.#watched.keys()]) if (!paths.has(path)) this.#drop(path);
  }

  close(): void {
    this.retain(new Set());
  }

  #open(path: string): Watcher | undefined {
    const watch = this.#options.watch ?? watchPath;
    try {
      const watcher = watch(path, (kind, name) => this.#tell(path, kind, name ?? undefined));
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'ENOSPC' || code === 'EMFILE') this.#exhaust(code);
      return undefined;
    }
  }

  #tell(path: string, kind: string, name: string | undefined): void {
    const names = this.#watched.get(path)?.names;
    if (names === undefined || name === undefined || names.has(name)) {
      this.#options.onHint({ path, kind, name });
    }
  }

  #exhaust(code: string): void {
    this.close();
    this.#isExhausted = true;
    this.#options.onExhausted(code);
  }

  #drop(path: string): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
  }
}
