import { lstatSync, type Stats } from 'node:fs';
import {
  closeDescriptor,
  openStreamSocket,
  type PeerCredentials,
  peerCredentials,
  startConnect,
} from '../host/kernel/sockets.ts';
import { isErrno } from '../host/kernel.ts';

/** What is found at the path of a Unix socket. */
export type PathState =
  | { readonly kind: 'absent' }
  /** Something that must not be removed. */
  | { readonly kind: 'not-a-socket' }
  /** A socket that nobody listens on: what a program leaves that was killed. */
  | { readonly kind: 'stale' }
  /** Somebody listens; `listener` called listen(2), and may have ended since. */
  | { readonly kind: 'live'; readonly listener: PeerCredentials | undefined };

/** Looks whether anybody answers at a path, by a connection that is closed at once. Never waits. */
export function examinePath(path: string): PathState {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { kind: 'absent' };
  return stats.isSocket() ? knock(path) : { kind: 'not-a-socket' };
}

/** Device and inode: whether two names lead to the same socket. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/** The file itself, not what a symbolic link leads to; `undefined` when there is none. */
export function identityOf(path: string): FileIdentity | undefined {
  const stats: Stats | undefined = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : { device: stats.dev, inode: stats.ino };
}

export function isSameFile(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one !== undefined && one.device === other?.device && one.inode === other.inode;
}

function knock(path: string): PathState {
  const fd = openStreamSocket('unix', 'non-blocking');
  try {
    startConnect(fd, { kind: 'unix', path });
    return { kind: 'live', listener: peerCredentials(fd) };
  } catch (error) {
    if (isErrno(error, 'ECONNREFUSED')) return { kind: 'stale' };
    if (isErrno(error, 'ENOENT')) return { kind: 'absent' };
    // A full backlog, a socket of another type, or no right to connect: whatever it is, it is not ours.
    if (isErrno(error, 'EAGAIN', 'EPROTOTYPE', 'EACCES', 'EPERM'))
      return { kind: 'live', listener: undefined };
    throw error;
  } finally {
    closeDescriptor(fd);
  }
}
