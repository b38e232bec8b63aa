import { callKernel, isErrno, pointerTo } from '../kernel.ts';
import { int32, readInt32 } from './native-bytes.ts';
import { addressFamily } from './socket-name.ts';

const streamCloseOnExec = 1 | 0o2000000;
const send = { dontWait: 0x40, noSignal: 0x4000 } as const;
const socketLevel = 1;
const rights = 1;

/**
 * Two connected Unix stream sockets, close-on-exec and blocking (socketpair(2)).
 *
 * @throws RunfcgidError KERNEL when no descriptor is left.
 */
export function openSocketPair(): readonly [number, number] {
  const ends = Buffer.alloc(8);
  callKernel('socketpair', addressFamily.unix, streamCloseOnExec, 0, ends);
  return [readInt32(ends, 0), readInt32(ends, 4)];
}

/**
 * Sends bytes on a Unix stream socket without waiting; copies of the descriptors go with the first of them
 * (SCM_RIGHTS, unix(7)). The receiver's copies are of the same open files; ours may be closed afterwards.
 *
 * @returns the number of bytes sent, 0 when there is no room at present; the descriptors went unless it is 0.
 * @throws SystemCallError EPIPE, ECONNRESET when nobody can receive them any more.
 */
export function sendWithDescriptors(fd: number, bytes: Buffer, descriptors: readonly number[]): number {
  const control = descriptors.length === 0 ? Buffer.alloc(0) : rightsMessage(descriptors);
  const header = messageHeader(bytes, control);
  try {
    return callKernel('sendmsg', fd, header, send.dontWait | send.noSignal);
  } catch (error) {
    if (isErrno(error, 'EAGAIN', 'EWOULDBLOCK')) return 0;
    throw error;
  }
}

/**
 * struct msghdr (sendmsg(2)): name, its length, segments, their number, control, its length, flags; each takes the
 * room of a pointer. All that it points to lies behind it in one piece of memory, which lives as long as the header.
 */
function messageHeader(bytes: Buffer, control: Buffer): Buffer {
  const width = wordBytes();
  const segmentAt = 7 * width;
  const controlAt = segmentAt + 2 * width;
  const bytesAt = controlAt + control.length;
  const memory = Buffer.alloc(bytesAt + bytes.length);
  const at = (offset: number): Buffer => pointerTo(memory.subarray(offset));
  const controlPointer = control.length === 0 ? word(0) : at(controlAt);
  const fields = [word(0), word(0), at(segmentAt), word(1), controlPointer, word(control.length), word(0)];
  Buffer.concat([...fields, at(bytesAt), word(bytes.length), control, bytes]).copy(memory);
  return memory;
}

/** struct cmsghdr (cmsg(3)): the length without the padding behind, level, type, data. */
function rightsMessage(descriptors: readonly number[]): Buffer {
  const data = Buffer.concat(descriptors.map(int32));
  const head = [int32(socketLevel), int32(rights)];
  const length = wordBytes() + 8 + data.length;
  const padding = Buffer.alloc(-length & (wordBytes() - 1));
  return Buffer.concat([word(length), ...head, data, padding]);
}

/** A number as wide as a pointer of this machine. */
function word(value: number): Buffer {
  const numbers = wordBytes() === 8 ? BigUint64Array.of(BigInt(value)) : Uint32Array.of(value);
  return Buffer.from(numbers.buffer);
}

let pointerBytes: number | undefined;

function wordBytes(): number {
  pointerBytes ??= pointerTo(Buffer.alloc(1)).length;
  return pointerBytes;
}
