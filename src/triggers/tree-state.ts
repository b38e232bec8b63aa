import type { FileIdentity } from './identity.ts';
import type { DirectoryReading, TreeScan } from './tree-scan.ts';

/** A tree as it was last seen; pure. Paths are relative to the root, which itself is the entry ''. */
export class TreeState {
  #readings: ReadonlyMap<string, DirectoryReading> = new Map();
  #files: ReadonlyMap<string, FileIdentity> | undefined;

  readingOf(directory: string): DirectoryReading | undefined {
    return this.#readings.get(directory);
  }

  /**
   * The paths of what was written, appeared or was removed since the last scan; nothing at the first. A tree that is
   * not there (`undefined`) has not changed until it is there again: perhaps a deploy is between two renames. What
   * is in a directory that cannot be read now is taken to be as it was.
   */
  update(scan: TreeScan | undefined): readonly string[] {
    this.#readings = scan?.readings ?? new Map();
    const earlier = this.#files;
    if (scan === undefined) {
      this.#files ??= new Map();
      return [];
    }
    const files = filesOf(scan);
    if (earlier === undefined) {
      this.#files = files;
      return [];
    }
    const written = [...files].filter(([path, identity]) => earlier.get(path) !== identity);
    const missing = [...earlier].filter(([path]) => !files.has(path));
    const removed = missing.filter(([path]) => !isUnreadable(path, scan));
    const kept = missing.filter(([path]) => isUnreadable(path, scan));
    this.#files = new Map([...files, ...kept]);
    return [...written, ...removed].map(([path]) => path);
  }
}

function filesOf({ root, readings }: TreeScan): Map<string, FileIdentity> {
  const files = new Map<string, FileIdentity>(root === undefined ? [] : [['', root]]);
  for (const reading of readings.values()) {
    for (const [path, identity] of reading.files) files.set(path, identity);
  }
  return files;
}

function isUnreadable(path: string, { unreadable }: TreeScan): boolean {
  for (const directory of unreadable.keys()) {
    if (directory === '' || path.startsWith(`${directory}/`)) return true;
  }
  return false;
}
