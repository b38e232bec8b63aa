import { join } from 'node:path';
import type { ListenAddress, SocketAddress } from '../config/address.ts';
import type { Clock } from '../host/clock.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket } from './endpoint.ts';
import { openPrivateSocket } from './open-private-socket.ts';
import { SharedSocket } from './shared-socket.ts';
import { UnixListenSocket } from './unix-listen-socket.ts';

/** The one socket of an address, while somebody holds it. */
export interface OneSocket {
  readonly fd: number;
  readonly boundTo: SocketAddress;
  /** Nobody holds it any more. */
  readonly release: () => void;
}

/**
 * An address that belongs to one socket for good: every generation accepts on it, and it cannot be made to lead
 * elsewhere or nowhere. What is opened to prove a candidate is a Unix socket of our own, whatever kind the one is.
 */
export class SharedEndpoint implements Endpoint {
  readonly address: ListenAddress;
  readonly #obtain: (plan: ListenPlan) => OneSocket;
  readonly #clock: Clock;
  #plan: ListenPlan;
  #one: OneSocket | undefined;
  readonly #holds = new Set<ListenSocket>();

  constructor(plan: ListenPlan, obtain: (plan: ListenPlan) => OneSocket, clock: Clock) {
    this.address = plan.address;
    this.#plan = plan;
    this.#obtain = obtain;
    this.#clock = clock;
  }

  configure(plan: ListenPlan): void {
    this.#plan = plan;
  }

  openShared(): ListenSocket {
    this.#one ??= this.#obtain(this.#plan);
    const socket = new SharedSocket({
      ...this.#one,
      endpoint: this,
      isBlocking: this.#plan.isBlocking,
      clock: this.#clock,
      onClose: (closed) => this.#letGo(closed),
    });
    this.#holds.add(socket);
    return socket;
  }

  open(): ListenSocket {
    const directory = join(this.#plan.runtimeDir, 'private');
    return new UnixListenSocket({
      endpoint: this,
      isBlocking: this.#plan.isBlocking,
      onClose: () => {},
      ...openPrivateSocket(directory, this.#plan),
    });
  }

  /** Whoever holds the one socket is reached already; a private one never can be. */
  publish(socket: ListenSocket): void {
    if (!this.isPublished(socket)) throw new TypeError('this address cannot be moved to another socket');
  }

  isPublished(socket: ListenSocket): boolean {
    return this.#holds.has(socket);
  }

  withdraw(): void {
    // Connections wait in the queue for whoever accepts on the socket next.
  }

  #letGo(socket: ListenSocket): void {
    this.#holds.delete(socket);
    if (this.#holds.size > 0) return;
    this.#one?.release();
    this.#one = undefined;
  }
}
