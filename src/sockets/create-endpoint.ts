import { isAbstract } from '../config/address.ts';
import type { Clock } from '../host/clock.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint } from './endpoint.ts';
import type { InheritedSockets } from './inherited.ts';
import { openAbstractSocket } from './open-abstract-socket.ts';
import { SharedEndpoint } from './shared-endpoint.ts';
import { TcpEndpoint } from './tcp-endpoint.ts';
import { UnixEndpoint } from './unix-endpoint.ts';

export interface EndpointSurroundings {
  readonly inherited: InheritedSockets;
  readonly clock: Clock;
  /** Pids of daemons that are about to end: where they listen, we may. */
  readonly predecessors: readonly number[];
}

/** The endpoint that suits the address. Opens nothing yet. */
export function createEndpoint(
  plan: ListenPlan,
  { inherited, clock, predecessors }: EndpointSurroundings,
): Endpoint {
  const { address } = plan;
  switch (address.kind) {
    case 'unix':
      return isAbstract(address)
        ? new SharedEndpoint(plan, (wanted) => openAbstractSocket(address, wanted), clock)
        : new UnixEndpoint({ ...plan, address }, predecessors);
    case 'tcp':
      return new TcpEndpoint({ ...plan, address }, clock, predecessors);
    case 'systemd':
    case 'fd':
      // Never released: the socket is somebody else's, and may be wanted again.
      return new SharedEndpoint(plan, () => ({ ...inherited.find(address), release: () => {} }), clock);
  }
}
