import type { SocketAddress } from '../config/address.ts';
import { bindSocket, closeDescriptor, listenOn, openStreamSocket } from '../host/kernel/sockets.ts';
import type { ListenPlan } from '../plan/plan.ts';
import { addressInUse, errnoOf, listenFailed } from './listen-errors.ts';
import { whoListens } from './listeners.ts';
import { refuseConnections } from './refuse-connections.ts';
import type { OneSocket } from './shared-endpoint.ts';

/**
 * Binds and listens on an abstract name, which is free again as soon as nobody holds the socket (unix(7)).
 *
 * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then nothing is left behind.
 */
export function openAbstractSocket(
  address: Extract<SocketAddress, { kind: 'unix' }>,
  plan: ListenPlan,
): OneSocket {
  const fd = openStreamSocket('unix', plan.isBlocking ? 'blocking' : 'non-blocking');
  try {
    bindSocket(fd, address);
    listenOn(fd, plan.backlog);
  } catch (cause) {
    closeDescriptor(fd);
    if (errnoOf(cause) === 'EADDRINUSE') throw addressInUse(address, whoListens(address));
    throw listenFailed(address, 'the socket cannot be opened', 'See the words of the system.', cause);
  }
  return { fd, boundTo: address, release: () => refuseConnections(fd) };
}
