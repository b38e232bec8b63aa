import { isIP } from 'node:net';
import { isAbsolute, resolve } from 'node:path';

/** Where a pool listens. Paths are absolute; hosts are IP addresses without brackets. */
export type SocketAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly family: 4 | 6 };

/**
 * Reads `unix:/run/app.sock`, `/run/app.sock`, `127.0.0.1:9000`, `[::1]:9000` or `*:9000`.
 * A relative path is taken from `directory`.
 *
 * @throws SyntaxError with a sentence that says what was expected.
 */
export function parseAddress(text: string, directory: string): SocketAddress {
  if (text.startsWith('unix:')) return unixAddress(text.slice('unix:'.length), directory);
  if (text.includes('/')) return unixAddress(text, directory);
  return tcpAddress(text);
}

/** The address as a person writes it; `parseAddress` reads it back. */
export function formatAddress(address: SocketAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.family === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** True when both lead to the same place. */
export function sameAddress(one: SocketAddress, other: SocketAddress): boolean {
  return formatAddress(one) === formatAddress(other);
}

function unixAddress(path: string, directory: string): SocketAddress {
  if (path === '' || path.endsWith('/')) throw new SyntaxError('expected the path of a socket after "unix:"');
  if (path.startsWith('@')) throw new SyntaxError('abstract socket names are not supported here');
  if (path.includes('\0')) throw new SyntaxError('a path cannot hold a NUL byte');
  return { kind: 'unix', path: isAbsolute(path) ? resolve(path) : resolve(directory, path) };
}

function tcpAddress(text: string): SocketAddress {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+)):(?<port>\d+)$/.exec(text);
  const host = match?.groups?.['v6'] ?? match?.groups?.['v4'];
  const port = Number(match?.groups?.['port']);
  if (host === undefined || !Number.isInteger(port)) {
    throw new SyntaxError('expected unix:/path, HOST:PORT or [IPV6]:PORT, with an IP address as the host');
  }
  if (port < 1 || port > 65_535) throw new SyntaxError('expected a port from 1 to 65535');
  return { kind: 'tcp', port, ...ipHost(host, match?.groups?.['v6'] !== undefined) };
}

function ipHost(host: string, isBracketed: boolean): { host: string; family: 4 | 6 } {
  const known = host === '*' ? '0.0.0.0' : host === 'localhost' ? '127.0.0.1' : host;
  const family = isIP(known);
  if (family === 4 && !isBracketed) return { host: known, family: 4 };
  if (family === 6 && isBracketed) return { host: known, family: 6 };
  throw new SyntaxError('expected an IP address (IPv6 in brackets), "localhost" or "*" before the port');
}
