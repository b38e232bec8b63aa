import { linkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SocketAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import { atDestination, FileRefused } from '../host/destination.ts';
import { longestUnixPath } from '../host/kernel/socket-name.ts';
import { bindSocket, closeDescriptor, listenOn, openStreamSocket } from '../host/kernel/sockets.ts';
import type { ListenPlan } from '../plan/plan.ts';
import { errnoOf, listenFailed } from './listen-errors.ts';
import {
  preparePrivateDirectory,
  privateDirectories,
  privateName,
  removePrivateName,
  unlinkIfThere,
} from './private-name.ts';
import { SocketFile } from './socket-file.ts';

export type UnixListenPlan = ListenPlan & { readonly address: Extract<SocketAddress, { kind: 'unix' }> };

export interface BoundSocket {
  readonly fd: number;
  readonly privatePath: string;
}

/**
 * A listening socket under a private name from which it can be linked to the address, with mode, owner, group
 * and blocking mode of the plan, whatever the umask.
 *
 * @throws RunfcgidError LISTEN_FAILED; then nothing is left behind.
 */
export function openUnixSocket(plan: UnixListenPlan): BoundSocket {
  const { path } = plan.address;
  const length = Buffer.byteLength(path);
  if (length > longestUnixPath) {
    const what = `the path is ${length} bytes long, and the kernel takes ${longestUnixPath} at most`;
    throw listenFailed(plan.address, what, 'Choose a shorter path.');
  }
  requireDirectory(plan);
  const bound = bindPrivately(plan);
  try {
    dress(bound.privatePath, plan);
    listenOn(bound.fd, plan.backlog);
    return bound;
  } catch (error) {
    discard(bound);
    if (error instanceof RunfcgidError && error.code !== 'KERNEL') throw error;
    throw listenFailed(plan.address, 'the socket cannot be prepared', 'See the words of the system.', error);
  }
}

function requireDirectory({ address }: UnixListenPlan): void {
  const directory = dirname(address.path);
  try {
    if (isDirectory(directory)) return;
  } catch (cause) {
    if (cause instanceof FileRefused) {
      throw listenFailed(address, `there is no way to ${directory}`, cause.refusal.hint, cause);
    }
    if (errnoOf(cause) === 'ENOENT') {
      const how = `Make it for the user of the daemon: mkdir -p ${directory}`;
      throw listenFailed(address, `there is no directory ${directory}`, how);
    }
    const hint = `The daemon must be able to search ${directory}.`;
    throw listenFailed(address, `there is no directory ${directory} that we can use`, hint, cause);
  }
  throw listenFailed(address, `${directory} is not a directory`, 'Choose a path in a directory.');
}

/** A link of the user of one site could lead to the directory of another, whose socket may have the same name. */
function isDirectory(path: string): boolean {
  return atDestination(path, ({ file, absence }) => {
    if (file === undefined) throw absence;
    return file.stats.isDirectory();
  });
}

// The runtime directory first, then beside the address when that is on another file system (link(2), EXDEV).
function bindPrivately(plan: UnixListenPlan): BoundSocket {
  let failure: unknown;
  for (const directory of privateDirectories(plan.runtimeDir, plan.address.path)) {
    try {
      return bindIn(directory, plan);
    } catch (error) {
      failure = error;
    }
  }
  const hint = `The daemon must be able to make sockets in ${dirname(plan.address.path)}: look at its owner, mode and free space.`;
  throw listenFailed(plan.address, 'the socket cannot be made', hint, failure);
}

function bindIn(directory: string, plan: UnixListenPlan): BoundSocket {
  preparePrivateDirectory(directory);
  const privatePath = privateName(directory);
  const length = Buffer.byteLength(privatePath);
  if (length > longestUnixPath) {
    throw new Error(
      `the private name ${privatePath} would be ${length} bytes long, ${longestUnixPath} at most`,
    );
  }
  const bound = { fd: openStreamSocket('unix', plan.isBlocking ? 'blocking' : 'non-blocking'), privatePath };
  try {
    bindSocket(bound.fd, { kind: 'unix', path: privatePath });
    tryLink(privatePath, plan.address.path);
    return bound;
  } catch (error) {
    discard(bound);
    throw error;
  }
}

function tryLink(privatePath: string, address: string): void {
  const temporary = privateName(dirname(address), '.runfcgid-');
  linkSync(privatePath, temporary);
  unlinkIfThere(temporary);
}

function dress(path: string, plan: UnixListenPlan): void {
  const file = new SocketFile(path);
  try {
    file.setMode(plan.mode);
    giveAway(file, plan);
  } finally {
    file.close();
  }
}

function giveAway(file: SocketFile, { address, uid, gid }: UnixListenPlan): void {
  if (uid === undefined && gid === undefined) return;
  try {
    file.setOwner({ uid, gid });
  } catch (cause) {
    const owner = [uid === undefined ? [] : `user ${uid}`, gid === undefined ? [] : `group ${gid}`].flat();
    const hint =
      'Only root (with CAP_CHOWN) may give a socket to another user; another user may choose among the groups it is in.';
    throw listenFailed(address, `the socket cannot be given to ${owner.join(' and ')}`, hint, cause);
  }
}

function discard({ fd, privatePath }: BoundSocket): void {
  closeDescriptor(fd);
  removePrivateName(privatePath);
}
