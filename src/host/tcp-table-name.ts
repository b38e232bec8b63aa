import { endianness } from 'node:os';
import { parseIpv6 } from './kernel/socket-name.ts';

/**
 * An IP address as /proc/net/tcp and /proc/net/tcp6 print it: as 32-bit words in the byte order of the machine
 * (net/ipv4/tcp_ipv4.c, get_tcp4_sock), for example `0100007F`.
 */
export function tcpTableHost(host: string, family: 4 | 6): string {
  const bytes = family === 4 ? Buffer.from(host.split('.').map(Number)) : parseIpv6(host);
  if (endianness() === 'LE') bytes.swap32();
  return bytes.toString('hex').toUpperCase();
}
