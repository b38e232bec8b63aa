import { isIP } from 'node:net';
import { isAbsolute, resolve } from 'node:path';

/**
 * Where one can connect. Paths are absolute, or begin with `@` for a name in the abstract namespace (unix(7)); hosts
 * are IP addresses without brackets.
 */
export type SocketAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly family: 4 | 6 };

/** A listening socket that the daemon was started with. */
export type InheritedAddress =
  /** From a .socket unit; `index` counts those of the same name from 0, `undefined` stands for all of them. */
  | { readonly kind: 'systemd'; readonly name: string; readonly index: number | undefined }
  /** From a web server that starts its FastCGI programs itself. */
  | { readonly kind: 'fd'; readonly fd: 0 };

/** Where a pool listens. */
export type ListenAddress = SocketAddress | InheritedAddress;

/**
 * Reads `unix:/run/app.sock`, `/run/app.sock`, `unix:@name`, `127.0.0.1:9000`, `[::1]:9000` or `*:9000`.
 * A relative path is taken from `directory`.
 *
 * @throws SyntaxError with a sentence that says what was expected.
 */
export function parseAddress(text: string, directory: string): SocketAddress {
  if (text.startsWith('unix:')) return unixAddress(text.slice('unix:'.length), directory);
  if (text.includes('/')) return unixAddress(text, directory);
  return tcpAddress(text);
}

/** The same, and `systemd:NAME`, `systemd:NAME:INDEX`, `fd:0`. */
export function parseListenAddress(text: string, directory: string): ListenAddress {
  if (text.startsWith('systemd:')) return systemdAddress(text.slice('systemd:'.length));
  if (text === 'fd:0') return { kind: 'fd', fd: 0 };
  if (text.startsWith('fd:'))
    throw new SyntaxError('expected fd:0, the descriptor that FastCGI programs get');
  return parseAddress(text, directory);
}

/** The address as a person writes it; `parseListenAddress` reads it back. */
export function formatAddress(address: ListenAddress): string {
  switch (address.kind) {
    case 'unix':
      return `unix:${address.path}`;
    case 'tcp':
      return address.family === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
    case 'systemd':
      return address.index === undefined
        ? `systemd:${address.name}`
        : `systemd:${address.name}:${address.index}`;
    case 'fd':
      return `fd:${address.fd}`;
  }
}

/** True when both lead to the same place. */
export function sameAddress(one: ListenAddress, other: ListenAddress): boolean {
  return formatAddress(one) === formatAddress(other);
}

/** True for addresses that belong to one socket for good, which every generation has to share. */
export function isOneSocket(address: ListenAddress): boolean {
  return isInherited(address) || isAbstract(address);
}

export function isInherited(address: ListenAddress): address is InheritedAddress {
  return address.kind === 'systemd' || address.kind === 'fd';
}

/** True for a name in the abstract namespace, which is no path and has no owner or mode. */
export function isAbstract(address: ListenAddress): boolean {
  return address.kind === 'unix' && address.path.startsWith('@');
}

function unixAddress(path: string, directory: string): SocketAddress {
  if (path.includes('\0')) throw new SyntaxError('a path cannot hold a NUL byte');
  if (path.startsWith('@')) return abstractAddress(path);
  if (path === '' || path.endsWith('/')) throw new SyntaxError('expected the path of a socket after "unix:"');
  return { kind: 'unix', path: isAbsolute(path) ? resolve(path) : resolve(directory, path) };
}

function abstractAddress(path: string): SocketAddress {
  if (path === '@') throw new SyntaxError('expected a name after "unix:@"');
  return { kind: 'unix', path };
}

// FileDescriptorName= of systemd.socket(5): ASCII without control characters and ":", 255 at most.
function systemdAddress(text: string): InheritedAddress {
  const match = /^(?<name>[ -9;-~]{1,255})(?::(?<index>\d{1,4}))?$/.exec(text);
  const name = match?.groups?.['name'];
  const index = match?.groups?.['index'];
  if (name === undefined) {
    throw new SyntaxError(
      'expected systemd:NAME, with the FileDescriptorName of a .socket unit (its own name unless set)',
    );
  }
  return { kind: 'systemd', name, index: index === undefined ? undefined : Number(index) };
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
