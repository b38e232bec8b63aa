import { constants } from 'node:os';
import { openPidfd } from './kernel/processes.ts';
import { closeDescriptor } from './kernel/sockets.ts';
import { callKernelAs, isErrno } from './kernel.ts';
import { readProcess, readProcFile } from './process-table.ts';

/** Of pidfd_send_signal(2), the same on every architecture. */
const pidfdSendSignal = 424;

/** `denied`: the process has changed its user, and we are not root (kill(2), EPERM). */
export type SignalResult = 'sent' | 'gone' | 'denied';

/**
 * Sends a signal to exactly this process, never to a later one that has got its pid: a pidfd (pidfd_open(2)) names the
 * process for good, and the start time shows that it is the one that was meant.
 */
export function signalProcess(
  { pid, startTime }: { readonly pid: number; readonly startTime: number },
  signal: NodeJS.Signals,
): SignalResult {
  let pidfd: number | undefined;
  try {
    pidfd = openPidfd(pid);
    if (readProcess(pid)?.startTime !== startTime) return 'gone';
    sendTo(pidfd, constants.signals[signal]);
    return 'sent';
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return 'gone';
    if (isErrno(error, 'EPERM')) return 'denied';
    throw error;
  } finally {
    if (pidfd !== undefined) closeDescriptor(pidfd);
  }
}

/**
 * Whether the process has a handler for the signal (SigCgt, proc_pid_status(5)): where it has none, one that only asks
 * would end it: an application may have taken that of the engine away. True when that cannot be seen.
 */
export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readProcFile(pid, 'status') ?? '')?.[1];
  return (
    caught === undefined || ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
  );
}

function sendTo(pidfd: number, signal: number): void {
  callKernelAs(
    'pidfd_send_signal',
    'syscall',
    pidfdSendSignal,
    'int',
    pidfd,
    'int',
    signal,
    'void *',
    null,
    'unsigned int',
    0,
  );
}
