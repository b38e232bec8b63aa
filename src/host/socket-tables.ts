import { readFileSync } from 'node:fs';
import { type TcpSocket, tcpSockets } from './kernel/tcp-sockets.ts';
import { openWithSpare } from './spare-descriptors.ts';

/** A row of /proc/net/unix (proc_pid_net(5)). Any user can forge rows, by a newline in the name of a socket. */
export interface UnixRow {
  readonly inode: number;
  readonly isListener: boolean;
  /** 1 unconnected or listening, 2 queued on a listener (then without an inode), 3 connected. */
  readonly state: number;
  /** latin1, byte by byte; abstract names begin with `@`; '' for none. Ends at a newline. */
  readonly path: string;
}

/**
 * A TCP socket of the kernel's table; connections in TIME_WAIT belong to nobody and are left out. `host` and
 * `remote` are addresses as /proc prints them (tcp-table-name.ts). `receiveQueue`: on a listener, connections
 * waiting to be accepted. `inode`: 0 for a connection that no process holds yet or any more.
 */
export type TcpRow = TcpSocket;

/** include/net/tcp_states.h */
export const tcpState = { established: 1, synReceived: 3, closeWait: 8, listen: 10 } as const;

/** The socket tables of our network namespace, each read when first asked for and then kept. */
export interface SocketTables {
  unix(): readonly UnixRow[];
  tcp(): readonly TcpRow[];
  /** Inodes of sockets that are neither Unix nor TCP. */
  others(): ReadonlySet<number>;
}

/** Tables that show one moment: read anew for each look. */
export function readTables(): SocketTables {
  return {
    unix: once(() => parseUnixTable(readTable('unix'))),
    tcp: once(() => tcpSockets() ?? tcpRowsFromProc()),
    others: once(otherInodes),
  };
}

const unixColumns =
  /^[0-9a-fA-F]+: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{4} ([0-9A-F]{2}) +(\d+)(?: (.*))?$/s;
/** __SO_ACCEPTCON of include/linux/net.h */
const acceptsConnections = 1 << 16;

/** By columns: a name may hold spaces. Lines that are not rows, such as the rest of a name, are left out. */
export function parseUnixTable(text: string): readonly UnixRow[] {
  const rows: UnixRow[] = [];
  for (const line of text.split('\n')) {
    const match = unixColumns.exec(line);
    if (match === null) continue;
    const [, flags = '', state = '', inode = '', path = ''] = match;
    const isListener = (Number.parseInt(flags, 16) & acceptsConnections) !== 0;
    rows.push({ inode: Number(inode), isListener, state: Number.parseInt(state, 16), path });
  }
  return rows;
}

/** The rows of /proc/net/tcp and /proc/net/tcp6 (proc_pid_net(5)). */
export function tcpRowsFromProc(): readonly TcpRow[] {
  return [...parseTcpTable(readTable('tcp'), 4), ...parseTcpTable(readTable('tcp6'), 6)];
}

const tcpColumns =
  /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F:]+) ([0-9A-F]{2}) [0-9A-F]{8}:([0-9A-F]{8}) \S+ \S+ +(\d+) +\d+ (\d+)/;
const timeWait = '06';

export function parseTcpTable(text: string, family: 4 | 6): readonly TcpRow[] {
  const rows: TcpRow[] = [];
  for (const line of text.split('\n')) {
    const match = tcpColumns.exec(line);
    if (match === null) continue;
    const [, host = '', port = '', remote = '', state = '', receiveQueue = '', uid, inode] = match;
    if (state === timeWait) continue;
    rows.push({
      family,
      host,
      port: Number.parseInt(port, 16),
      remote,
      state: Number.parseInt(state, 16),
      receiveQueue: Number.parseInt(receiveQueue, 16),
      uid: Number(uid),
      inode: Number(inode),
    });
  }
  return rows;
}

function otherInodes(): ReadonlySet<number> {
  const datagrams = ['udp', 'udp6']
    .flatMap((name) => parseTcpTable(readTable(name), 4))
    .map((row) => row.inode);
  const netlink = readTable('netlink')
    .split('\n')
    .map((line) => Number(line.trim().split(/\s+/).at(-1)));
  return new Set([...datagrams, ...netlink]);
}

// latin1 keeps every byte of a name, whatever its encoding.
function readTable(name: string): string {
  try {
    return openWithSpare(() => readFileSync(`/proc/self/net/${name}`, 'latin1'));
  } catch (error) {
    // A kernel without IPv6, for example.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

function once<Value>(read: () => Value): () => Value {
  let value: { readonly read: Value } | undefined;
  return () => {
    value ??= { read: read() };
    return value.read;
  };
}
