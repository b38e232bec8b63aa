import { isIPv4 } from 'node:net';
import { readUint16, uint16 } from './native-bytes.ts';

/** What a socket is called: sockaddr_un, sockaddr_in and sockaddr_in6 (unix(7), ip(7), ipv6(7)). */
export type SocketName =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly family: 4 | 6 }
  | { readonly kind: 'other'; readonly family: number };

export const addressFamily = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;

/** Bytes that `sun_path` holds, without the NUL at its end (unix(7)). */
export const longestUnixPath = 107;

/** Bytes of the largest socket address (struct sockaddr_storage). */
export const socketNameSpace = 128;

/** A path that begins with `@` is an abstract name (unix(7)). */
export function encodeSocketName(name: Exclude<SocketName, { kind: 'other' }>): Buffer {
  if (name.kind === 'unix') return encodeUnix(name.path);
  return name.family === 4 ? encodeIpv4(name.host, name.port) : encodeIpv6(name.host, name.port);
}

/** Paths are decoded as latin1, byte by byte, as in `/proc/net/unix`; an unnamed socket has the path ''. */
export function decodeSocketName(bytes: Buffer): SocketName {
  const family = bytes.length < 2 ? 0 : readUint16(bytes, 0);
  if (family === addressFamily.unix) return { kind: 'unix', path: decodePath(bytes.subarray(2)) };
  if (family === addressFamily.inet) {
    return { kind: 'tcp', family: 4, host: bytes.subarray(4, 8).join('.'), port: bytes.readUInt16BE(2) };
  }
  if (family === addressFamily.inet6) {
    return { kind: 'tcp', family: 6, host: formatIpv6(bytes.subarray(8, 24)), port: bytes.readUInt16BE(2) };
  }
  return { kind: 'other', family };
}

/** Sixteen bytes in network order as RFC 5952 writes them. */
export function formatIpv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** Sixteen bytes in network order. A zone (`%eth0`) is not part of them. */
export function parseIpv6(host: string): Buffer {
  const compact = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const [head = '', tail] = compact.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  const bytes = Buffer.alloc(16);
  [...left, ...middle, ...right].forEach((group, index) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  });
  return bytes;
}

function encodeUnix(path: string): Buffer {
  const name = path.startsWith('@') ? Buffer.from(`\0${path.slice(1)}`) : Buffer.from(`${path}\0`);
  return Buffer.concat([uint16(addressFamily.unix), name]);
}

function encodeIpv4(host: string, port: number): Buffer {
  if (!isIPv4(host)) throw new SyntaxError(`expected an IPv4 address, got "${host}"`);
  const bytes = Buffer.alloc(16);
  bytes.set(uint16(addressFamily.inet), 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(host.split('.').map(Number), 4);
  return bytes;
}

function encodeIpv6(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.set(uint16(addressFamily.inet6), 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(parseIpv6(host), 8);
  return bytes;
}

function decodePath(bytes: Buffer): string {
  if (bytes.length === 0) return '';
  if (bytes[0] === 0) return `@${bytes.subarray(1).toString('latin1').replaceAll('\0', '@')}`;
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? bytes.length : end).toString('latin1');
}
