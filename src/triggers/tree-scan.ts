import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../errors.ts';
import { type FileIdentity, identify, identityOf, isGone } from './identity.ts';
import type { TreeFilter } from './tree-filter.ts';
import { inodeOf } from './waypoints.ts';

/** What was found in one directory; paths are relative to the root of the tree. */
export interface DirectoryReading {
  readonly inode: string;
  readonly files: ReadonlyMap<string, FileIdentity>;
  /** Those that may hold watched files, symbolic links to directories among them. */
  readonly directories: readonly string[];
}

export interface TreeScan {
  readonly root: FileIdentity | undefined;
  /** By the directory's path; the root is ''. */
  readonly readings: ReadonlyMap<string, DirectoryReading>;
  /** Directories that are there but could not be read, with the system's reason. */
  readonly unreadable: ReadonlyMap<string, string>;
}

export interface TreeScanOptions {
  /** Absolute. */
  readonly root: string;
  readonly filter: TreeFilter;
  /** An earlier reading of the directory that is still right. */
  readonly reuse: (directory: string) => DirectoryReading | undefined;
  /** Called before a directory is read: what happens to it after this is heard, what happened before is read. */
  readonly onDirectory: (path: string) => void;
}

/**
 * Reads the tree, symbolic links followed, each directory once. Virtual environments (they hold a `pyvenv.cfg`)
 * are left out. `undefined` when the root is not there.
 */
export async function scanTree(options: TreeScanOptions): Promise<TreeScan | undefined> {
  const readings = new Map<string, DirectoryReading>();
  const unreadable = new Map<string, string>();
  const visited = new Set<string>();
  let root: FileIdentity | undefined;
  const queue = [''];
  // Directory after directory: the thread pool's four threads have other work as well.
  for (let directory = queue.shift(); directory !== undefined; directory = queue.shift()) {
    try {
      if (directory === '') root = await identify(options.root);
      if (root === undefined) return undefined;
      const reading = options.reuse(directory) ?? (await readDirectory(directory, visited, options));
      if (reading === undefined || visited.has(reading.inode)) continue;
      visited.add(reading.inode);
      readings.set(directory, reading);
      queue.push(...reading.directories);
    } catch (error) {
      if (!isGone(error)) unreadable.set(directory, describeError(error));
    }
  }
  return { root, readings, unreadable };
}

async function readDirectory(
  directory: string,
  visited: ReadonlySet<string>,
  { root, filter, onDirectory }: TreeScanOptions,
): Promise<DirectoryReading | undefined> {
  const path = join(root, directory);
  const inode = inodeOf(await stat(path, { bigint: true }));
  if (visited.has(inode)) return undefined;
  onDirectory(path);
  const entries = await readdir(path, { withFileTypes: true });
  if (directory !== '' && isVirtualEnvironment(entries)) return undefined;
  const files = new Map<string, FileIdentity>();
  const directories: string[] = [];
  const looks: Promise<void>[] = [];
  for (const entry of entries) {
    const name = directory === '' ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory() && filter.isEntered(name)) directories.push(name);
    if (entry.isSymbolicLink() || (entry.isFile() && filter.isWatched(name))) {
      looks.push(lookAt(name, { root, filter, files, directories }));
    }
  }
  await Promise.all(looks);
  return { inode, files, directories };
}

function isVirtualEnvironment(entries: readonly Dirent[]): boolean {
  return entries.some((entry) => entry.name === 'pyvenv.cfg');
}

interface Findings extends Pick<TreeScanOptions, 'root' | 'filter'> {
  readonly files: Map<string, FileIdentity>;
  readonly directories: string[];
}

/** A file that is gone since, and a link that leads nowhere, are not found. */
async function lookAt(name: string, { root, filter, files, directories }: Findings): Promise<void> {
  const stats = await stat(join(root, name), { bigint: true }).catch(() => undefined);
  if (stats?.isDirectory() && filter.isEntered(name)) directories.push(name);
  if (stats?.isFile() && filter.isWatched(name)) files.set(name, identityOf(stats));
}
