import { lstatSync } from 'node:fs';
import { isAbstract, type SocketAddress } from '../config/address.ts';
import { accountsFrom } from '../host/accounts.ts';
import { processIds, processName, processUser, socketDescriptors } from '../host/procfs.ts';
import { readTables, type SocketTables, type TcpRow, tcpState } from '../host/socket-tables.ts';
import { tcpTableHost } from '../host/tcp-table-name.ts';
import { examinePath, identityOf, isSameFile } from './unix-path.ts';

type TcpAddress = Extract<SocketAddress, { kind: 'tcp' }>;

/** Who listens on an address. Without a pid: a process that we have no right to look into, or that has ended. */
export interface ListenerOwner {
  readonly pid: number | undefined;
  /** Name of the program (proc_pid_comm(5)). */
  readonly program: string | undefined;
  readonly uid: number | undefined;
}

/** Everybody who listens on the address now; empty when it is free. */
export function whoListens(
  address: SocketAddress,
  tables: SocketTables = readTables(),
): readonly ListenerOwner[] {
  if (address.kind === 'tcp') return whoListensAtPort(address, tables);
  return isAbstract(address)
    ? holdersOf(inodesNamed(address.path, tables)).owners
    : whoListensAtPath(address.path, tables);
}

/** The owners of listening TCP sockets, found by their rows. */
export function ownersOfRows(rows: readonly TcpRow[]): readonly ListenerOwner[] {
  const holders = holdersOf(new Set(rows.map((row) => row.inode)));
  const hidden = rows.filter((row) => !holders.inodes.has(row.inode));
  return [...holders.owners, ...hidden.map(({ uid }) => ({ pid: undefined, program: undefined, uid }))];
}

/** LISTEN rows that get in the way of listening on `address`: the same port, on the same or on every address. */
export function listenRows(address: TcpAddress, tables: SocketTables): readonly TcpRow[] {
  const host = tcpTableHost(address.host, address.family);
  return tables
    .tcp()
    .filter(
      (row) =>
        row.state === tcpState.listen &&
        row.port === address.port &&
        row.family === address.family &&
        (row.host === host || isEveryHost(row.host) || isEveryHost(host)),
    );
}

/** For example `pid 123 (nginx), user www-data`. */
export function describeOwners(owners: readonly ListenerOwner[]): string {
  const shown = owners.slice(0, 3).map(describeOwner);
  if (owners.length > shown.length) shown.push(`${owners.length - shown.length} more`);
  return shown.length === 0 ? 'a process that cannot be seen from here' : shown.join('; ');
}

function describeOwner({ pid, program, uid }: ListenerOwner): string {
  const user = uid === undefined ? undefined : userName(uid);
  if (pid === process.pid) return `this daemon itself (pid ${pid}), for another pool`;
  if (pid === undefined) return `a process of ${user ?? 'another user'} that we may not look into`;
  return `pid ${pid} (${program ?? 'ended'})${user === undefined ? '' : `, ${user}`}`;
}

function userName(uid: number): string {
  return `user ${accountsFrom().user(uid)?.name ?? uid}`;
}

function whoListensAtPath(path: string, tables: SocketTables): readonly ListenerOwner[] {
  const state = examinePath(path);
  if (state.kind !== 'live') return [];
  const { owners } = holdersOf(inodesBoundTo(path, tables));
  if (owners.length > 0) return owners;
  if (state.listener !== undefined) return [ownerByPid(state.listener.pid, state.listener.uid)];
  return [{ pid: undefined, program: undefined, uid: lstatSync(path, { throwIfNoEntry: false })?.uid }];
}

function whoListensAtPort(address: TcpAddress, tables: SocketTables): readonly ListenerOwner[] {
  return ownersOfRows(listenRows(address, tables));
}

// A socket may have been bound under another name, as ours are; then both names lead to the same file.
function inodesBoundTo(path: string, tables: SocketTables): ReadonlySet<number> {
  const name = Buffer.from(path).toString('latin1');
  const identity = identityOf(path);
  const rows = tables.unix().filter((row) => {
    if (!row.isListener || !row.path.startsWith('/')) return false;
    return row.path === name || isSameFile(identity, identityOrNone(row.path));
  });
  return new Set(rows.map((row) => row.inode));
}

function inodesNamed(name: string, tables: SocketTables): ReadonlySet<number> {
  const wanted = Buffer.from(name).toString('latin1');
  const rows = tables.unix().filter((row) => row.isListener && row.path === wanted);
  return new Set(rows.map((row) => row.inode));
}

function identityOrNone(latin1Path: string): ReturnType<typeof identityOf> {
  try {
    return identityOf(Buffer.from(latin1Path, 'latin1').toString());
  } catch {
    // In a directory that we may not search: then it is not known to be the same.
    return undefined;
  }
}

function holdersOf(inodes: ReadonlySet<number>): {
  readonly owners: readonly ListenerOwner[];
  readonly inodes: ReadonlySet<number>;
} {
  const owners: ListenerOwner[] = [];
  const found = new Set<number>();
  if (inodes.size === 0) return { owners, inodes: found };
  for (const pid of processIds()) {
    const sockets = socketDescriptors(pid);
    if (typeof sockets === 'string') continue;
    const held = [...inodes].filter((inode) => sockets.has(inode));
    if (held.length > 0) owners.push(ownerByPid(pid, undefined));
    for (const inode of held) found.add(inode);
  }
  return { owners, inodes: found };
}

function ownerByPid(pid: number, uid: number | undefined): ListenerOwner {
  return { pid, program: processName(pid), uid: processUser(pid) ?? uid };
}

// 0.0.0.0 or [::], as the kernel prints them.
function isEveryHost(tableHost: string): boolean {
  return /^0+$/.test(tableHost);
}
