import { callKernel, isErrno, pointerTo } from '../kernel.ts';
import { openWithSpare } from '../spare-descriptors.ts';
import { int32, readInt32, readUint16, readUint32, uint16 } from './native-bytes.ts';
import {
  addressFamily,
  decodeSocketName,
  encodeSocketName,
  type SocketName,
  socketNameSpace,
} from './socket-name.ts';

const type = { stream: 1, datagram: 2, raw: 3, nonblock: 0o4000, cloexec: 0o2000000 } as const;
const level = { ip: 0, socket: 1, tcp: 6, ipv6: 41 } as const;
const option = {
  reuseAddress: 2,
  error: 4,
  reusePort: 15,
  peerCredentials: 17,
  acceptsConnections: 30,
  attachReusePortCbpf: 51,
  tcpInfo: 11,
  ipMinimumTtl: 21,
  ipv6Only: 26,
  ipv6MinimumHopCount: 73,
} as const;
const fileControl = { getFlags: 3, setFlags: 4, nonblock: 0o4000, duplicateCloexec: 1030 } as const;
const pollEvent = { in: 1, out: 4 } as const;
const shutdownRead = 0;
/** Where `tcpi_unacked` lies in struct tcp_info: on a listener, the length of its accept queue. */
const tcpInfoQueueOffset = 24;

type Connectable = Exclude<SocketName, { kind: 'other' }>;
export type StreamFamily = 'unix' | 'inet' | 'inet6';

/** One classic BPF instruction (struct sock_filter, Documentation/networking/filter.rst). */
export interface Instruction {
  readonly code: number;
  readonly jumpIfTrue: number;
  readonly jumpIfFalse: number;
  readonly value: number;
}

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** A stream socket, close-on-exec. Every function here raises RunfcgidError KERNEL when the call fails. */
export function openStreamSocket(family: StreamFamily, blocking: 'blocking' | 'non-blocking'): number {
  const nonblock = blocking === 'non-blocking' ? type.nonblock : 0;
  return callKernel('socket', addressFamily[family], type.stream | type.cloexec | nonblock, 0);
}

export function bindSocket(fd: number, name: Connectable): void {
  const bytes = encodeSocketName(name);
  callKernel('bind', fd, bytes, bytes.length);
}

export function listenOn(fd: number, backlog: number): void {
  callKernel('listen', fd, backlog);
}

/**
 * Starts to connect a non-blocking socket. `pending`: TCP only; `socketError` tells the outcome once
 * `isWritable`. A Unix socket connects at once or raises: ECONNREFUSED when nobody listens, EAGAIN when the
 * backlog is full.
 */
export function startConnect(fd: number, name: Connectable): 'connected' | 'pending' {
  const bytes = encodeSocketName(name);
  try {
    callKernel('connect', fd, bytes, bytes.length);
    return 'connected';
  } catch (error) {
    if (isErrno(error, 'EINPROGRESS')) return 'pending';
    throw error;
  }
}

/** Never blocks on a socket that was shut down for reading: accept then fails when nothing is queued. */
export function acceptFrom(fd: number): number {
  return callKernel('accept4', fd, null, null, type.cloexec);
}

export function closeDescriptor(fd: number): void {
  callKernel('close', fd);
}

/** Nobody can accept on a listener after this, not even a stray process that still holds it. */
export function shutDownListener(fd: number): void {
  callKernel('shutdown', fd, shutdownRead);
}

/** O_NONBLOCK belongs to the open socket that all its holders share, not to the descriptor (fcntl(2)). */
export function setBlocking(fd: number, isBlocking: boolean): void {
  const flags = callKernel('fcntl', fd, fileControl.getFlags, 'int', 0);
  const wanted = isBlocking ? flags & ~fileControl.nonblock : flags | fileControl.nonblock;
  if (wanted !== flags) callKernel('fcntl', fd, fileControl.setFlags, 'int', wanted);
}

export function isBlocking(fd: number): boolean {
  return (callKernel('fcntl', fd, fileControl.getFlags, 'int', 0) & fileControl.nonblock) === 0;
}

/** A copy of the descriptor, close-on-exec, numbered 3 or higher. */
export function duplicate(fd: number): number {
  return callKernel('fcntl', fd, fileControl.duplicateCloexec, 'int', 3);
}

/** There is something to read, or nothing more will come; on a listener a connection waits to be accepted. */
export function isReadable(fd: number): boolean {
  return pollNow(fd, pollEvent.in);
}

export function isWritable(fd: number): boolean {
  return pollNow(fd, pollEvent.out);
}

export function socketName(fd: number): SocketName {
  return nameFrom('getsockname', fd);
}

/** What the other end is called; `undefined` for a socket that is not connected (getpeername(2)). */
export function peerName(fd: number): SocketName | undefined {
  try {
    return nameFrom('getpeername', fd);
  } catch (error) {
    if (isErrno(error, 'ENOTCONN', 'EINVAL')) return undefined;
    throw error;
  }
}

/** True for a listener, false for a connection (SO_ACCEPTCONN, socket(7)). */
export function isListener(fd: number): boolean {
  return getIntegerOption(fd, level.socket, option.acceptsConnections) !== 0;
}

/** The pending error of a socket as an errno number, 0 for none; reading clears it. */
export function socketError(fd: number): number {
  return getIntegerOption(fd, level.socket, option.error);
}

export function getIntegerOption(fd: number, optionLevel: number, name: number): number {
  return readInt32(getOption(fd, optionLevel, name, 4), 0);
}

/** Who is at the other end; for a client, who called listen(2) there (SO_PEERCRED, unix(7)). */
export function peerCredentials(fd: number): PeerCredentials {
  const bytes = getOption(fd, level.socket, option.peerCredentials, 12);
  return { pid: readInt32(bytes, 0), uid: readUint32(bytes, 4), gid: readUint32(bytes, 8) };
}

/** Number of connections waiting on a TCP listener. */
export function tcpAcceptQueue(fd: number): number {
  return readUint32(getOption(fd, level.tcp, option.tcpInfo, tcpInfoQueueOffset + 4), tcpInfoQueueOffset);
}

/** Lets a second socket listen on the same port, and bind in spite of old connections in TIME_WAIT. */
export function allowSharedPort(fd: number): void {
  setOption(fd, level.socket, option.reuseAddress, int32(1));
  setOption(fd, level.socket, option.reusePort, int32(1));
}

/** An IPv6 socket that leaves IPv4 to others (ipv6(7)). */
export function setIpv6Only(fd: number): void {
  setOption(fd, level.ipv6, option.ipv6Only, int32(1));
}

/** The program that chooses, by index, which socket of the port's group gets a connection (socket(7)). */
export function attachSteering(fd: number, program: readonly Instruction[]): void {
  // struct sock_fprog: an unsigned short, padding up to the size of a pointer, the pointer.
  const code = Buffer.concat(program.map(encodeInstruction));
  const pointer = pointerTo(code);
  const description = Buffer.alloc(pointer.length * 2);
  description.set(uint16(program.length), 0);
  description.set(pointer, pointer.length);
  setOption(fd, level.socket, option.attachReusePortCbpf, description);
}

/** The socket takes no notice of packets that arrive with less (ip(7), IP_MINTTL; IPV6_MINHOPCOUNT of linux/in6.h). */
export function dropBelowHopLimit(fd: number, family: 4 | 6, hopLimit: number): void {
  if (family === 6) setOption(fd, level.ipv6, option.ipv6MinimumHopCount, int32(hopLimit));
  else setOption(fd, level.ip, option.ipMinimumTtl, int32(hopLimit));
}

/**
 * Sends one datagram to a Unix socket; a path that begins with `@` is an abstract name. Never waits.
 *
 * @throws RunfcgidError KERNEL, for example when nobody receives there or the receiver is full.
 */
export function sendDatagram(path: string, bytes: Buffer): void {
  const kind = type.datagram | type.cloexec | type.nonblock;
  const fd = openWithSpare(() => callKernel('socket', addressFamily.unix, kind, 0));
  try {
    const name = encodeSocketName({ kind: 'unix', path });
    callKernel('sendto', fd, bytes, bytes.length, 0, name, name.length);
  } finally {
    closeDescriptor(fd);
  }
}

function encodeInstruction({ code, jumpIfTrue, jumpIfFalse, value }: Instruction): Buffer {
  return Buffer.concat([uint16(code), Buffer.from([jumpIfTrue, jumpIfFalse]), int32(value | 0)]);
}

function nameFrom(call: 'getsockname' | 'getpeername', fd: number): SocketName {
  const bytes = Buffer.alloc(socketNameSpace);
  const length = int32(bytes.length);
  callKernel(call, fd, bytes, length);
  return decodeSocketName(bytes.subarray(0, Math.min(readInt32(length, 0), bytes.length)));
}

function pollNow(fd: number, event: number): boolean {
  const request = Buffer.concat([int32(fd), uint16(event), uint16(0)]);
  callKernel('poll', request, 1, 0);
  return readUint16(request, 6) !== 0;
}

function getOption(fd: number, optionLevel: number, name: number, size: number): Buffer {
  const value = Buffer.alloc(size);
  callKernel('getsockopt', fd, optionLevel, name, value, int32(size));
  return value;
}

function setOption(fd: number, optionLevel: number, name: number, value: Buffer): void {
  callKernel('setsockopt', fd, optionLevel, name, value, value.length);
}
