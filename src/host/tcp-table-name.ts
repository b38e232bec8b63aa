import { endianness } from 'node:os';
import { formatIpv6 } from './kernel/socket-name.ts';

export interface TcpName {
  readonly family: 4 | 6;
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `0100007F:1F90` of /proc/net/tcp or the 32 digits of /proc/net/tcp6: the address is printed as 32-bit
 * words in the byte order of the machine, the port as a number (net/ipv4/tcp_ipv4.c, get_tcp4_sock).
 */
export function decodeTcpName(text: string, family: 4 | 6): TcpName {
  const [address = '', port = ''] = text.split(':');
  const bytes = Buffer.from(address, 'hex');
  if (endianness() === 'LE') bytes.swap32();
  return {
    family,
    host: family === 4 ? bytes.join('.') : formatIpv6(bytes),
    port: Number.parseInt(port, 16),
  };
}
