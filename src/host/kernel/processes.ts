import { callKernel, callKernelAs, isErrno, SystemCallError } from '../kernel.ts';
import { openWithSpare } from '../spare-descriptors.ts';
import { int32, readInt32 } from './native-bytes.ts';
import { closeDescriptor } from './sockets.ts';

/** System call numbers that are the same on every architecture (since Linux 5.1 new calls share them). */
const callNumber = { pidfdOpen: 434, pidfdGetfd: 438 } as const;
const setChildSubreaper = 36;
const waitNoHang = 1;
const lock = { exclusive: 2, nonblocking: 4 } as const;

/** How a process ended, as waitpid(2) tells. */
export type WaitStatus =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'signalled'; readonly signal: number };

/**
 * From now on orphans among our descendants become our children instead of init's (prctl(2)).
 *
 * @throws RunfcgidError KERNEL
 */
export function becomeSubreaper(): void {
  callKernel('prctl', setChildSubreaper, 1, 0, 0, 0);
}

/**
 * Collects one child if it has ended. Only for adopted processes: Node collects those it started itself, and
 * a pid of -1 would take them from it.
 *
 * @returns `running`, or `not-a-child` when there is no such child (any more).
 */
export function reap(pid: number): WaitStatus | 'running' | 'not-a-child' {
  if (pid <= 0) throw new RangeError(`reap needs the pid of one process, got ${pid}`);
  const status = int32(0);
  try {
    if (callKernel('waitpid', pid, status, waitNoHang) === 0) return 'running';
  } catch (error) {
    if (isErrno(error, 'ECHILD')) return 'not-a-child';
    throw error;
  }
  return decodeWaitStatus(readInt32(status, 0));
}

/**
 * Calls `look` with a copy of a descriptor of another process and closes the copy at once: while it is open,
 * a connection that the process closes would stay open.
 *
 * @returns what `look` returned, `gone` when the process or its descriptor is no more, or `denied` when
 *   the copy cannot be had: no right to trace the process, a filter on system calls, no descriptor left.
 */
export function withForeignDescriptor<Result>(
  pid: number,
  fd: number,
  look: (copy: number) => Result,
): Result | 'gone' | 'denied' {
  let pidfd: number | undefined;
  let copy: number | undefined;
  try {
    pidfd = openPidfd(pid);
    copy = copyDescriptor(pidfd, fd);
    return look(copy);
  } catch (error) {
    if (isErrno(error, 'ESRCH', 'EBADF', 'ENOTSOCK')) return 'gone';
    if (error instanceof SystemCallError) return 'denied';
    throw error;
  } finally {
    if (copy !== undefined) closeDescriptor(copy);
    if (pidfd !== undefined) closeDescriptor(pidfd);
  }
}

/** Names a process for good (pidfd_open(2)); for a moment only: it may have a spare descriptor. */
export function openPidfd(pid: number): number {
  const { pidfdOpen } = callNumber;
  return openWithSpare(() => callKernelAs('pidfd_open', 'syscall', pidfdOpen, 'int', pid, 'unsigned int', 0));
}

function copyDescriptor(pidfd: number, fd: number): number {
  const { pidfdGetfd } = callNumber;
  return openWithSpare(() =>
    callKernelAs('pidfd_getfd', 'syscall', pidfdGetfd, 'int', pidfd, 'int', fd, 'unsigned int', 0),
  );
}

/** Locks an open file for as long as it is open (flock(2)). False: another process holds the lock. */
export function tryLock(fd: number): boolean {
  try {
    callKernel('flock', fd, lock.exclusive | lock.nonblocking);
    return true;
  } catch (error) {
    if (isErrno(error, 'EAGAIN', 'EWOULDBLOCK')) return false;
    throw error;
  }
}

/** Makes `fd` the same open file as `source`; what it was before is closed in the same moment (dup2(2)). */
export function replaceDescriptor(fd: number, source: number): void {
  callKernel('dup2', source, fd);
}

/** The number that waitpid(2) gives for a process that has ended. */
export function decodeWaitStatus(status: number): WaitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? { kind: 'exited', status: (status >> 8) & 0xff } : { kind: 'signalled', signal };
}
