import { isAbstract } from '../config/address.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint } from './endpoint.ts';
import type { InheritedSockets } from './inherited.ts';
import { openAbstractSocket } from './open-abstract-socket.ts';
import { SharedEndpoint } from './shared-endpoint.ts';
import { TcpEndpoint } from './tcp-endpoint.ts';
import { UnixEndpoint } from './unix-endpoint.ts';

/** The endpoint that suits the address. Opens nothing yet. */
export function createEndpoint(
  plan: ListenPlan,
  inherited: InheritedSockets,
  clock: Clock = systemClock,
): Endpoint {
  const { address } = plan;
  switch (address.kind) {
    case 'unix':
      return isAbstract(address)
        ? new SharedEndpoint(plan, (wanted) => openAbstractSocket(address, wanted), clock)
        : new UnixEndpoint({ ...plan, address });
    case 'tcp':
      return new TcpEndpoint({ ...plan, address }, clock);
    case 'systemd':
    case 'fd':
      // Never released: the socket is somebody else's, and may be wanted again.
      return new SharedEndpoint(plan, () => ({ ...inherited.find(address), release: () => {} }), clock);
  }
}
