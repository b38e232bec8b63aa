import { linkSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { inDirectoryOf } from '../host/destination.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from './endpoint.ts';
import { addressInUse, errnoOf, listenFailed } from './listen-errors.ts';
import { whoListens } from './listeners.ts';
import { openUnixSocket, type UnixListenPlan } from './open-unix-socket.ts';
import { privateName, unlinkIfThere } from './private-name.ts';
import { SocketFile } from './socket-file.ts';
import { UnixListenSocket } from './unix-listen-socket.ts';
import { examinePath, identityOf, isSameFile, type PathState } from './unix-path.ts';

/**
 * A path that leads to one of several sockets. Each socket is bound to a private name and keeps it; publishing
 * links that name to the address and thereby replaces, in one step (rename(2)), whatever the address led to.
 */
export class UnixEndpoint implements Endpoint {
  readonly address: UnixListenPlan['address'];
  readonly #predecessors: readonly number[];
  #plan: UnixListenPlan;
  readonly #sockets = new Set<UnixListenSocket>();

  /** @param predecessors pids of daemons that are about to end: what leads to them may be replaced. */
  constructor(plan: UnixListenPlan, predecessors: readonly number[] = []) {
    this.address = plan.address;
    this.#plan = plan;
    this.#predecessors = predecessors;
  }

  configure(plan: ListenPlan): void {
    const { address } = plan;
    if (address.kind === 'unix') this.#plan = { ...plan, address };
  }

  open(): ListenSocket {
    this.#refuseForeignPath();
    const socket = new UnixListenSocket({
      endpoint: this,
      isBlocking: this.#plan.isBlocking,
      onClose: (closed) => this.#sockets.delete(closed),
      ...openUnixSocket(this.#plan),
    });
    this.#sockets.add(socket);
    return socket;
  }

  publish(socket: ListenSocket): void {
    const own = this.#own(socket);
    if (this.isPublished(own)) return;
    this.#refuseForeignPath();
    try {
      inDirectoryOf(this.address.path, (path) => replaceBy(own.privatePath, path, this.#plan));
    } catch (cause) {
      const hint =
        'The directory must be writable for the daemon, and its private names must not be removed.';
      throw listenFailed(this.address, 'the path cannot be put in place', hint, cause);
    }
  }

  isPublished(socket: ListenSocket): boolean {
    return isSameFile(identityOf(this.address.path), this.#own(socket).identity);
  }

  withdraw(): void {
    if (!this.#leadsToUs()) return;
    inDirectoryOf(this.address.path, (path) => {
      if (this.#leadsToUs(path)) unlinkIfThere(path);
    });
  }

  #refuseForeignPath(): void {
    if (this.#leadsToUs()) return;
    const state = this.#examine();
    if (state.kind === 'live' && !this.#predecessors.includes(state.listener?.pid ?? 0)) {
      throw addressInUse(this.address, whoListens(this.address));
    }
    if (state.kind === 'not-a-socket') {
      const hint = 'Move it away, or give the pool another "listen" path. Only sockets are ever replaced.';
      throw listenFailed(this.address, 'there is something at the path that is not a socket', hint);
    }
  }

  #examine(): PathState {
    try {
      return examinePath(this.address.path);
    } catch (cause) {
      const hint = `The daemon must be able to search ${dirname(this.address.path)}.`;
      throw listenFailed(this.address, 'the path cannot be looked at', hint, cause);
    }
  }

  #leadsToUs(path = this.address.path): boolean {
    const there = identityOrNone(path);
    return [...this.#sockets].some((socket) => isSameFile(there, socket.identity));
  }

  #own(socket: ListenSocket): UnixListenSocket {
    const own = [...this.#sockets].find((each) => each === socket);
    if (own !== undefined) return own;
    throw new TypeError('the listen socket belongs to another endpoint, or is closed');
  }
}

function replaceBy(privatePath: string, path: string, plan: UnixListenPlan): void {
  // Beside the address: rename(2) does not cross file systems.
  const temporary = privateName(dirname(path), '.runfcgid-');
  try {
    linkAsOwner(privatePath, temporary, plan);
    renameSync(temporary, path);
  } finally {
    // rename(2) leaves both names when they already lead to the same file.
    unlinkIfThere(temporary);
  }
}

// Linking a socket of another user needs CAP_FOWNER (proc_sys_fs(5), protected_hardlinks), which a hardened
// service may lack although it has CAP_CHOWN: then the socket becomes ours for a moment.
function linkAsOwner(from: string, to: string, { uid, gid }: UnixListenPlan): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const ownUid = process.geteuid?.();
    if (errnoOf(error) !== 'EPERM' || uid === undefined || uid === ownUid || ownUid === undefined)
      throw error;
    const file = new SocketFile(from, uid);
    try {
      file.setOwner({ uid: ownUid, gid });
      linkSync(from, to);
    } finally {
      file.setOwner({ uid, gid });
      file.close();
    }
  }
}

function identityOrNone(path: string): ReturnType<typeof identityOf> {
  try {
    return identityOf(path);
  } catch {
    // No right to search the directory, or a file where a directory should be: told when the path is examined.
    return undefined;
  }
}
