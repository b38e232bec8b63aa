import type { BigIntStats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, sep } from 'node:path';
import type { WatchPoint } from './path-watches.ts';

export interface Waypoint extends WatchPoint {
  /** Tells a replaced directory or file. */
  readonly inode: string;
}

export interface Way {
  /** What to watch in order to hear of everything that makes the path lead elsewhere, or the file change. */
  readonly points: readonly Waypoint[];
  /** The file, or the last directory on the way to where it will be. */
  readonly nearest: string;
}

/** The kernel follows at most 40 links (path_resolution(7)). */
const mostLinks = 40;

/**
 * Walks the absolute path `path` as the kernel does. Every name on the way can be replaced (`current ->
 * releases/42`, a deploy by renaming directories, a file that is not there yet), so each is watched in the
 * directory that holds it. The exception is an existing file, which is watched itself: its directory often
 * holds a log or a database, and each write there would wake the daemon.
 */
export async function wayTo(path: string): Promise<Way> {
  const namesByDirectory = new Map<string, Set<string>>();
  const names = namesIn(path);
  let directory: string = sep;
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const entry = join(directory, name);
    const stats = name === '..' ? undefined : await statsOf(entry);
    if (name === '..') {
      directory = dirname(directory);
    } else if (stats === undefined) {
      note(namesByDirectory, directory, name);
      break;
    } else if (stats.isDirectory()) {
      note(namesByDirectory, directory, name);
      directory = entry;
    } else if (stats.isSymbolicLink()) {
      note(namesByDirectory, directory, name);
      const target = await readlink(entry).catch(() => undefined);
      links += 1;
      if (target === undefined || links > mostLinks) break;
      names.unshift(...namesIn(target));
      if (isAbsolute(target)) directory = sep;
    } else {
      const file = { path: entry, inode: inodeOf(stats) };
      return { points: [...(await pointsFor(namesByDirectory)), file], nearest: entry };
    }
  }
  return { points: await pointsFor(namesByDirectory), nearest: directory };
}

/** The points of several ways, each path once. */
export function mergedPoints(ways: readonly Way[]): readonly Waypoint[] {
  const merged = new Map<string, Waypoint>();
  for (const point of ways.flatMap((way) => way.points)) {
    const names = [...(merged.get(point.path)?.names ?? []), ...(point.names ?? [])];
    merged.set(point.path, point.names === undefined ? point : { ...point, names: new Set(names) });
  }
  return [...merged.values()];
}

/** Device and inode number. */
export function inodeOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}

function namesIn(path: string): string[] {
  return path.split(sep).filter((name) => name !== '' && name !== '.');
}

function note(namesByDirectory: Map<string, Set<string>>, directory: string, name: string): void {
  namesByDirectory.set(directory, (namesByDirectory.get(directory) ?? new Set()).add(name));
}

async function pointsFor(namesByDirectory: ReadonlyMap<string, ReadonlySet<string>>): Promise<Waypoint[]> {
  const points: Waypoint[] = [];
  for (const [path, names] of namesByDirectory) {
    const stats = await statsOf(path);
    if (stats !== undefined) points.push({ path, inode: inodeOf(stats), names });
  }
  return points;
}

async function statsOf(path: string): Promise<BigIntStats | undefined> {
  return await lstat(path, { bigint: true }).catch(() => undefined);
}
