import { isDeepStrictEqual } from 'node:util';
import { formatAddress, isOneSocket } from '../config/address.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from '../sockets/endpoint.ts';

/** What a generation accepts on: a socket for each address, in the same order. */
export interface Listening {
  readonly listen: readonly ListenPlan[];
  readonly sockets: readonly ListenSocket[];
}

/** The addresses of one pool, and the listen sockets that its generations have on them. */
export class Addresses {
  readonly #createEndpoint: (plan: ListenPlan) => Endpoint;
  /** By address, as people write it. */
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(createEndpoint: (plan: ListenPlan) => Endpoint) {
    this.#createEndpoint = createEndpoint;
  }

  /**
   * Sockets that only we can reach.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then nothing is left open. So does `openPublished`.
   */
  openPrivately(listen: readonly ListenPlan[]): readonly ListenSocket[] {
    return openEach(listen, (plan) => this.#endpointOf(plan).open());
  }

  /** Sockets that the addresses lead to from now on. */
  openPublished(listen: readonly ListenPlan[]): readonly ListenSocket[] {
    const sockets = openEach(listen, (plan) => openBest(this.#endpointOf(plan)));
    try {
      for (const socket of sockets) socket.endpoint.publish(socket);
      return sockets;
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
  }

  /**
   * Sockets for those who come after `before`: the same ones where the same is wanted of an address, so that what
   * waits there stays.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED; then nothing has changed.
   */
  inherit(before: Listening, listen: readonly ListenPlan[]): readonly ListenSocket[] {
    const kept = listen.map((plan) => sameSocket(before, plan));
    const opened = this.openPublished(listen.filter((_, index) => kept[index] === undefined));
    let next = 0;
    return kept.map((socket) => {
      if (socket !== undefined) return socket;
      const fresh = opened[next] as ListenSocket;
      next += 1;
      return fresh;
    });
  }

  /** Forgets the addresses that none of these sockets is at. */
  forgetOthers(sockets: readonly ListenSocket[]): void {
    const used = new Set(sockets.map(({ endpoint }) => endpoint));
    for (const [name, endpoint] of this.#endpoints) if (!used.has(endpoint)) this.#endpoints.delete(name);
  }

  #endpointOf(plan: ListenPlan): Endpoint {
    const name = formatAddress(plan.address);
    const endpoint = this.#endpoints.get(name) ?? this.#createEndpoint(plan);
    endpoint.configure(plan);
    this.#endpoints.set(name, endpoint);
    return endpoint;
  }
}

/** True when those who listen so have to accept on the sockets of `before`, or can without anything being changed. */
export function sharesSockets(before: readonly ListenPlan[], listen: readonly ListenPlan[]): boolean {
  const isFixed = [...before, ...listen].some(({ address }) => isOneSocket(address));
  return isFixed || isDeepStrictEqual(before, listen);
}

/** True for a socket whose address can be withdrawn, after which its queue only gets shorter. */
export function isWithdrawable({ endpoint }: ListenSocket): boolean {
  return endpoint.openShared === undefined;
}

function openBest(endpoint: Endpoint): ListenSocket {
  return endpoint.openShared?.() ?? endpoint.open();
}

/** Of an address with one socket everybody has a hold of his own. */
function sameSocket({ listen, sockets }: Listening, plan: ListenPlan): ListenSocket | undefined {
  if (isOneSocket(plan.address)) return undefined;
  return sockets[listen.findIndex((other) => isDeepStrictEqual(other, plan))];
}

function openEach(
  listen: readonly ListenPlan[],
  open: (plan: ListenPlan) => ListenSocket,
): readonly ListenSocket[] {
  const opened: ListenSocket[] = [];
  try {
    for (const plan of listen) opened.push(open(plan));
    return opened;
  } catch (error) {
    for (const socket of opened) socket.close();
    throw error;
  }
}
