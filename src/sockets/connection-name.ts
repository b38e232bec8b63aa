import type { SocketAddress } from '../config/address.ts';
import type { SocketName } from '../host/kernel/socket-name.ts';
import type { TcpRow, UnixRow } from '../host/socket-tables.ts';
import { tcpTableHost } from '../host/tcp-table-name.ts';

/**
 * The local name of a socket, as text that can be compared: an accepted connection bears the name of the
 * listener it was accepted from (unix(7), getsockname(2)).
 */
export type ConnectionName = string;

/** A socket that was accepted from no listener of ours. */
export const unrelated: ConnectionName = '';

export function nameOfSocket(name: SocketName): ConnectionName {
  if (name.kind === 'unix') return unixName(name.path);
  return name.kind === 'tcp'
    ? tcpName(name.family, tcpTableHost(name.host, name.family), name.port)
    : unrelated;
}

export function nameOfUnixRow(row: UnixRow): ConnectionName {
  return unixName(row.path);
}

export function nameOfTcpRow(row: TcpRow): ConnectionName {
  return tcpName(row.family, row.host, row.port);
}

/** Whether a connection of that name was accepted from a listener bound to that address. */
export function acceptedFrom(boundTo: SocketAddress): (name: ConnectionName) => boolean {
  if (boundTo.kind === 'unix') {
    const wanted = unixName(Buffer.from(boundTo.path).toString('latin1'));
    return (name) => name === wanted;
  }
  const host = tcpTableHost(boundTo.host, boundTo.family);
  const wanted = tcpName(boundTo.family, host, boundTo.port);
  if (!/^0+$/.test(host)) return (name) => name === wanted;
  const [start, end] = wanted.split(host);
  return (name) => name.startsWith(start ?? '') && name.endsWith(end ?? '');
}

function unixName(latin1Path: string): ConnectionName {
  return `unix ${latin1Path}`;
}

function tcpName(family: 4 | 6, tableHost: string, port: number): ConnectionName {
  return `tcp${family} ${tableHost} ${port}`;
}
