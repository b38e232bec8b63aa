import { readFileSync } from 'node:fs';
import type { SocketAddress } from '../config/address.ts';
import type { RunfcgidError } from '../errors.ts';
import {
  allowSharedPort,
  bindSocket,
  closeDescriptor,
  listenOn,
  openStreamSocket,
  setIpv6Only,
  shutDownListener,
} from '../host/kernel/sockets.ts';
import type { ListenPlan } from '../plan/plan.ts';
import { addressInUse, errnoOf, listenFailed } from './listen-errors.ts';
import { whoListens } from './listeners.ts';

export type TcpListenPlan = ListenPlan & { readonly address: Extract<SocketAddress, { kind: 'tcp' }> };

/**
 * A listening socket that shares its port with others of ours. `beforeListening` gets it when it is bound but
 * nobody can reach it yet.
 *
 * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then nothing is left behind.
 */
export function openTcpSocket(plan: TcpListenPlan, beforeListening: (fd: number) => void): number {
  const { address } = plan;
  const fd = openSocket(plan);
  try {
    allowSharedPort(fd);
    // IPv4 clients of `[::]` would reach it too otherwise, and steering reads the header of one family only.
    if (address.family === 6) setIpv6Only(fd);
    bindSocket(fd, address);
    beforeListening(fd);
    listenOn(fd, plan.backlog);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw explain(plan, error);
  }
}

/** What waits in its queue is reset. */
export function closeTcpSocket(fd: number): void {
  // Shut down first: a stray process may hold the socket, which would keep its place in the group.
  shutDownListener(fd);
  closeDescriptor(fd);
}

function openSocket(plan: TcpListenPlan): number {
  try {
    return openStreamSocket(
      plan.address.family === 6 ? 'inet6' : 'inet',
      plan.isBlocking ? 'blocking' : 'non-blocking',
    );
  } catch (error) {
    throw explain(plan, error);
  }
}

function explain({ address }: TcpListenPlan, cause: unknown): RunfcgidError {
  switch (errnoOf(cause)) {
    case 'EADDRINUSE':
      return addressInUse(address, whoListens(address));
    case 'EADDRNOTAVAIL':
      return listenFailed(
        address,
        `no network interface of this machine has the address ${address.host}`,
        'Look at: ip address show',
        cause,
      );
    case 'EACCES':
      return listenFailed(
        address,
        `ports below ${firstOpenPort()} need root or CAP_NET_BIND_SERVICE`,
        'Choose a higher port.',
        cause,
      );
    case 'EAFNOSUPPORT':
      return listenFailed(
        address,
        `this kernel has no IPv${address.family}`,
        'Choose another address.',
        cause,
      );
    default:
      return listenFailed(address, 'the socket cannot be opened', 'See the words of the system.', cause);
  }
}

function firstOpenPort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  } catch {
    // Kernels before 4.11 have no such setting.
    return 1024;
  }
}
