import { endianness } from 'node:os';
import { callKernel, SystemCallError } from '../kernel.ts';
import { openWithSpare } from '../spare-descriptors.ts';
import { int32, readInt32, readUint16, readUint32, uint16 } from './native-bytes.ts';
import { addressFamily } from './socket-name.ts';
import { closeDescriptor } from './sockets.ts';

/** As in /proc/net/tcp (socket-tables.ts), addresses in the same writing. */
export interface TcpSocket {
  readonly family: 4 | 6;
  readonly host: string;
  readonly port: number;
  readonly remote: string;
  readonly state: number;
  readonly receiveQueue: number;
  readonly uid: number;
  readonly inode: number;
}

// sock_diag(7), linux/netlink.h, linux/inet_diag.h
const socketType = 3 | 0o4000 | 0o2000000;
const sockDiag = 4;
const sockDiagByFamily = 20;
const dumpRequestFlags = 1 | 0x300;
const messageType = { error: 2, done: 3 } as const;
const tcpProtocol = 6;
const headerSize = 16;
const queryIdSize = 48;
const rowSize = 72;
/** Every state of include/net/tcp_states.h but TIME_WAIT, of which a busy port leaves thousands behind. */
const allButTimeWait = 0x1ffe & ~(1 << 6);
const isLittleEndian = endianness() === 'LE';

/**
 * The TCP sockets of our network namespace, without those in TIME_WAIT: the same as in /proc/net/tcp and tcp6, where
 * reading past ten thousand of those takes a tenth of a second. `undefined` on a kernel without this part of
 * sock_diag(7), or where netlink is not permitted.
 */
export function tcpSockets(): readonly TcpSocket[] | undefined {
  try {
    return [...dump('inet'), ...dump('inet6')];
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  }
}

/** @throws SystemCallError */
function dump(family: 'inet' | 'inet6'): readonly TcpSocket[] {
  const fd = openWithSpare(() => callKernel('socket', addressFamily.netlink, socketType, sockDiag));
  try {
    const request = dumpRequest(addressFamily[family]);
    callKernel('sendto', fd, request, request.length, 0, null, 0);
    const rows: TcpSocket[] = [];
    const answer = Buffer.alloc(32_768);
    // The kernel makes the next part of its answer while the one before is received: none has to be waited for.
    for (;;) {
      const length = callKernel('recv', fd, answer, answer.length, 0);
      if (collectRows(answer.subarray(0, length), rows) === 'done') return rows;
    }
  } finally {
    closeDescriptor(fd);
  }
}

function dumpRequest(family: number): Buffer {
  const query = [Buffer.from([family, tcpProtocol, 0, 0]), int32(allButTimeWait), Buffer.alloc(queryIdSize)];
  const body = Buffer.concat(query);
  const kind = Buffer.concat([uint16(sockDiagByFamily), uint16(dumpRequestFlags)]);
  return Buffer.concat([int32(headerSize + body.length), kind, int32(1), int32(0), body]);
}

/** @throws SystemCallError when the kernel reports one instead of rows. */
function collectRows(answer: Buffer, rows: TcpSocket[]): 'done' | 'more' {
  for (let at = 0; at + headerSize <= answer.length; ) {
    const length = readInt32(answer, at);
    const type = readUint16(answer, at + 4);
    if (type === messageType.done) return 'done';
    if (type === messageType.error || length < headerSize) {
      throw new SystemCallError('sock_diag', 'EOPNOTSUPP', 'the kernel does not list TCP sockets');
    }
    const end = at + length;
    if (type === sockDiagByFamily && length >= headerSize + rowSize) {
      rows.push(rowOf(answer.subarray(at + headerSize, end)));
    }
    at += (length + 3) & ~3;
  }
  return 'more';
}

/** struct inet_diag_msg; ports are in network byte order. */
function rowOf(row: Buffer): TcpSocket {
  const family = row.readUInt8(0) === addressFamily.inet6 ? 6 : 4;
  const remotePort = row.readUInt16BE(6).toString(16).toUpperCase().padStart(4, '0');
  return {
    family,
    host: tableHost(row, 8, family),
    port: row.readUInt16BE(4),
    remote: `${tableHost(row, 24, family)}:${remotePort}`,
    state: row.readUInt8(1),
    receiveQueue: readUint32(row, 56),
    uid: readUint32(row, 64),
    inode: readUint32(row, 68),
  };
}

/** As /proc prints it: 32-bit words in the byte order of the machine (tcp-table-name.ts). */
function tableHost(row: Buffer, offset: number, family: 4 | 6): string {
  const bytes = Buffer.from(row.subarray(offset, offset + (family === 4 ? 4 : 16)));
  if (isLittleEndian) bytes.swap32();
  return bytes.toString('hex').toUpperCase();
}
