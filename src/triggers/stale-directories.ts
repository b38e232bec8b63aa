import { dirname } from 'node:path';

/** Beyond so many hints the kernel's queue may have overflowed, and what else happened was not told (inotify(7)). */
const mostHints = 1000;

/** Which directories of a tree have to be read again, after what was heard of them. Paths are relative, '' the root. */
export class StaleDirectories {
  readonly #directories = new Set<string>();
  readonly #trees = new Set<string>();
  #areAll = true;
  #hints = 0;

  /** The contents of a file changed. */
  noteWritten(file: string): void {
    this.#note(() => this.#directories.add(parentOf(file)));
  }

  /** A file or directory came or went: what is below it may be another. */
  noteMoved(path: string): void {
    this.noteWritten(path);
    this.#note(() => this.#trees.add(path));
  }

  noteAll(): void {
    this.#areAll = true;
  }

  /** The way to the tree is to be walked again as well. */
  get areAll(): boolean {
    return this.#areAll;
  }

  has(directory: string): boolean {
    if (this.#areAll || this.#directories.has(directory)) return true;
    for (let path = directory; path !== ''; path = parentOf(path)) if (this.#trees.has(path)) return true;
    return false;
  }

  /** What was noted so far, which begins anew: what is noted while a look is under way is for the next one. */
  take(): StaleDirectories {
    const taken = new StaleDirectories();
    taken.#areAll = this.#areAll;
    for (const directory of this.#directories) taken.#directories.add(directory);
    for (const tree of this.#trees) taken.#trees.add(tree);
    this.#directories.clear();
    this.#trees.clear();
    this.#areAll = false;
    this.#hints = 0;
    return taken;
  }

  #note(add: () => void): void {
    this.#hints += 1;
    if (this.#hints > mostHints) this.#areAll = true;
    else add();
  }
}

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === '.' ? '' : parent;
}
