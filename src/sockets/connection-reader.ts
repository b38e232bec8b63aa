import { withForeignDescriptor } from '../host/kernel/processes.ts';
import { isListener, socketName } from '../host/kernel/sockets.ts';
import { socketDescriptors } from '../host/procfs.ts';
import { type SocketTables, tcpState } from '../host/socket-tables.ts';
import {
  type ConnectionName,
  nameOfSocket,
  nameOfTcpRow,
  nameOfUnixRow,
  unrelated,
} from './connection-name.ts';

/** Local names of the connections a process holds; `unknown` when some cannot be told. */
export type HeldConnections = readonly ConnectionName[] | 'unknown';

/** State 3 of /proc/net/unix (SS_CONNECTED, linux/net.h). */
const unixConnected = 3;

/**
 * Finds the connections that processes hold, by looking at each of their sockets itself (pidfd_getfd(2)) once:
 * rows of /proc/net/unix can be forged by any user, and lack the connections of clients in another network
 * namespace. Where looking is not permitted the tables have to do, and what they do not settle is unknown.
 */
export class ConnectionReader {
  /** By process and inode. Entries go with the socket, because the kernel uses inode numbers again. */
  #known: ReadonlyMap<number, ReadonlyMap<number, ConnectionName>> = new Map();

  /** One look at all processes of interest; what is remembered of others is forgotten. */
  read(pids: readonly number[], tables: SocketTables): ReadonlyMap<number, HeldConnections> {
    const known = new Map<number, ReadonlyMap<number, ConnectionName>>();
    const held = new Map<number, HeldConnections>();
    for (const pid of pids) {
      const sockets = socketDescriptors(pid);
      if (sockets === 'gone') {
        held.set(pid, []);
      } else if (sockets === 'denied') {
        held.set(pid, 'unknown');
      } else {
        const looked = this.#lookAtAll(pid, sockets, tables);
        known.set(pid, looked.names);
        held.set(pid, looked.isComplete ? [...looked.names.values(), ...looked.fromTables] : 'unknown');
      }
    }
    this.#known = known;
    return held;
  }

  #lookAtAll(pid: number, sockets: ReadonlyMap<number, number>, tables: SocketTables): Looked {
    const names = new Map<number, ConnectionName>();
    const fromTables: ConnectionName[] = [];
    let isComplete = true;
    for (const [inode, fd] of sockets) {
      const name = this.#known.get(pid)?.get(inode) ?? withForeignDescriptor(pid, fd, connectionName);
      if (name === 'gone') continue;
      if (name !== 'denied') {
        names.set(inode, name);
        continue;
      }
      const listed = nameInTables(inode, tables);
      if (listed === undefined) isComplete = false;
      else fromTables.push(listed);
    }
    return { names, fromTables, isComplete };
  }
}

interface Looked {
  readonly names: ReadonlyMap<number, ConnectionName>;
  readonly fromTables: readonly ConnectionName[];
  readonly isComplete: boolean;
}

function connectionName(fd: number): ConnectionName {
  return isListener(fd) ? unrelated : nameOfSocket(socketName(fd));
}

/** What the tables say of a socket; `undefined` when it is in none of them, or in two rows of which one is forged. */
export function nameInTables(inode: number, tables: SocketTables): ConnectionName | undefined {
  const unix = tables.unix().filter((row) => row.inode === inode);
  const [row] = unix;
  if (row !== undefined) {
    if (unix.length > 1) return undefined;
    return row.state === unixConnected ? nameOfUnixRow(row) : unrelated;
  }
  const tcp = tables.tcp().find((each) => each.inode === inode);
  if (tcp !== undefined) return tcp.state === tcpState.listen ? unrelated : nameOfTcpRow(tcp);
  return tables.others().has(inode) ? unrelated : undefined;
}
