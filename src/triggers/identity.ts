import { type BigIntStats, realpathSync, statSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';

/**
 * What makes a file the one it was: two readings that are equal mean the same, unwritten file. Mode and owner
 * are no part of it: chmod(1) is not a change.
 */
export type FileIdentity = string;

/**
 * The identity of the file at `path`, symbolic links followed; `undefined` when there is none. The real path
 * belongs to it: releases that share unchanged files by hard links (rsync --link-dest) differ in nothing else.
 * Raises the system's error when the file cannot be looked at.
 */
export async function identify(path: string): Promise<FileIdentity | undefined> {
  try {
    return withRealPath(await stat(path, { bigint: true }), await realpath(path));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/**
 * As `identify`, for a decision that cannot wait: blocks for some microseconds, on a network as long as it takes.
 * What cannot be looked at is `undefined` too.
 */
export function identifyNow(path: string): FileIdentity | undefined {
  try {
    return withRealPath(statSync(path, { bigint: true }), realpathSync(path));
  } catch {
    return undefined;
  }
}

/**
 * Identity without the path. A directory's time and size are left out: they change with every file that the
 * site creates in it.
 */
export function identityOf(stats: BigIntStats): FileIdentity {
  const inode = `${stats.dev}:${stats.ino}`;
  return stats.isDirectory() ? inode : `${inode}:${stats.mtimeNs}:${stats.size}`;
}

/** There is no file at the path, or no directory on the way to it. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function withRealPath(stats: BigIntStats, path: string): FileIdentity {
  return `${identityOf(stats)}:${path}`;
}
