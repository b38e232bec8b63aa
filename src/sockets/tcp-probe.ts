import { getSystemErrorName } from 'node:util';
import { formatAddress, type SocketAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import {
  bindSocket,
  closeDescriptor,
  isWritable,
  openStreamSocket,
  socketError,
  socketName,
  startConnect,
} from '../host/kernel/sockets.ts';
import type { ProbeConnection } from './endpoint.ts';
import { probeConnection } from './probe-connection.ts';

type TcpAddress = Extract<SocketAddress, { kind: 'tcp' }>;

export interface ProbeSteps {
  /** The port the connection will come from is known; nothing was sent yet. */
  readonly onBound: (sourcePort: number) => void;
  /** Connected or failed. */
  readonly onSettled: () => void;
}

/** On one machine a handshake takes microseconds, unless the accept queue is full. */
const connectTimeoutMs = 3_000;
const lookIntervalMs = 1;

/**
 * Connects to an address of this machine from a port chosen beforehand.
 *
 * @throws RunfcgidError FASTCGI_UNREACHABLE, KERNEL.
 */
export async function connectProbe(
  address: TcpAddress,
  clock: Clock,
  steps: ProbeSteps,
): Promise<ProbeConnection> {
  const target = reachable(address);
  const fd = openStreamSocket(address.family === 6 ? 'inet6' : 'inet', 'non-blocking');
  try {
    bindSocket(fd, { ...target, port: 0 });
    const name = socketName(fd);
    steps.onBound(name.kind === 'tcp' ? name.port : 0);
    if (startConnect(fd, target) === 'pending') await connected(fd, target, clock);
    return probeConnection(fd);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  } finally {
    steps.onSettled();
  }
}

async function connected(fd: number, target: TcpAddress, clock: Clock): Promise<void> {
  const deadlineMs = clock.now() + connectTimeoutMs;
  while (!isWritable(fd)) {
    if (clock.now() >= deadlineMs) throw unreachable(target, `no answer within ${connectTimeoutMs / 1000} s`);
    await clock.sleep(lookIntervalMs);
  }
  const error = socketError(fd);
  if (error !== 0) throw unreachable(target, getSystemErrorName(-error));
}

function unreachable(target: TcpAddress, why: string): RunfcgidError {
  return new RunfcgidError('FASTCGI_UNREACHABLE', `cannot connect to ${formatAddress(target)}: ${why}`);
}

// "Every address" cannot be connected to; the loopback address is one of them.
function reachable(address: TcpAddress): TcpAddress {
  if (address.host === '0.0.0.0') return { ...address, host: '127.0.0.1' };
  return address.host === '::' ? { ...address, host: '::1' } : address;
}
