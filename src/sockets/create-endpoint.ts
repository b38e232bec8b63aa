import { type Clock, systemClock } from '../host/clock.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint } from './endpoint.ts';
import { TcpEndpoint } from './tcp-endpoint.ts';
import { UnixEndpoint } from './unix-endpoint.ts';

/** The endpoint that suits the address. Opens nothing yet. */
export function createEndpoint(plan: ListenPlan, clock: Clock = systemClock): Endpoint {
  const { address } = plan;
  return address.kind === 'unix'
    ? new UnixEndpoint({ ...plan, address })
    : new TcpEndpoint({ ...plan, address }, clock);
}
