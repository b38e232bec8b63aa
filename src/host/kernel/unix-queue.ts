import { callKernel, SystemCallError } from '../kernel.ts';
import { openWithSpare } from '../spare-descriptors.ts';
import { int32, readInt32, readUint16, readUint32, uint16 } from './native-bytes.ts';
import { addressFamily } from './socket-name.ts';
import { closeDescriptor } from './sockets.ts';

// sock_diag(7), linux/netlink.h, linux/unix_diag.h
const socketType = 3 | 0o4000 | 0o2000000;
const sockDiag = 4;
const sockDiagByFamily = 20;
const requestFlag = 1;
const showQueueLength = 0x10;
const queueLengthAttribute = 4;
const headerSize = 16;
const messageSize = 16;

/**
 * Number of connections waiting on a Unix listener of our network namespace, by the inode of its socket.
 * Counts clients of every namespace. `undefined` on a kernel without this part of sock_diag(7).
 */
export function unixAcceptQueue(inode: number): number | undefined {
  let fd: number | undefined;
  try {
    fd = openWithSpare(() => callKernel('socket', addressFamily.netlink, socketType, sockDiag));
    const request = queueRequest(inode);
    callKernel('sendto', fd, request, request.length, 0, null, 0);
    // The kernel has answered before sendto returns; the socket is non-blocking all the same.
    const answer = Buffer.alloc(1024);
    const length = callKernel('recv', fd, answer, answer.length, 0);
    return queueIn(answer.subarray(0, length));
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  } finally {
    if (fd !== undefined) closeDescriptor(fd);
  }
}

function queueRequest(inode: number): Buffer {
  const anyCookie = Buffer.concat([int32(-1), int32(-1)]);
  const query = [Buffer.from([addressFamily.unix, 0, 0, 0]), int32(-1), int32(inode), int32(showQueueLength)];
  const body = Buffer.concat([...query, anyCookie]);
  const kind = Buffer.concat([uint16(sockDiagByFamily), uint16(requestFlag)]);
  return Buffer.concat([int32(headerSize + body.length), kind, int32(1), int32(0), body]);
}

function queueIn(answer: Buffer): number | undefined {
  if (answer.length < headerSize || readUint16(answer, 4) !== sockDiagByFamily) return undefined;
  const end = Math.min(readInt32(answer, 0), answer.length);
  for (let at = headerSize + messageSize; at + 4 <= end; ) {
    const length = readUint16(answer, at);
    if (readUint16(answer, at + 2) === queueLengthAttribute) return readUint32(answer, at + 4);
    at += Math.max(4, (length + 3) & ~3);
  }
  return undefined;
}
