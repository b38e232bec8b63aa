import type { ListenAddress, SocketAddress } from '../config/address.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { ConnectionName } from './connection-name.ts';

/**
 * An address that a web server connects to, for as long as a pool serves it. Its listen sockets come and go
 * with the generations; at any time the address leads to at most one of them.
 */
export interface Endpoint {
  readonly address: ListenAddress;
  /** Sockets opened from now on have this backlog, mode, owner and blocking mode. */
  configure(plan: ListenPlan): void;
  /**
   * A new listen socket that nobody but `connectPrivately` can reach yet.
   *
   * @throws RunfcgidError LISTEN_IN_USE with the name of who listens there, LISTEN_FAILED.
   */
  open(): ListenSocket;
  /**
   * A hold on the one socket that the address belongs to for good, which the public reaches at once. Only for
   * addresses that have one: inherited ones and abstract names. They can be neither moved nor withdrawn.
   *
   * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED.
   */
  openShared?(): ListenSocket;
  /** From now on every new connection to the address reaches `socket`. Atomic; may be repeated. */
  publish(socket: ListenSocket): void;
  /** False when the address was deleted or taken over: publish again, or tell the operator. */
  isPublished(socket: ListenSocket): boolean;
  /** The address leads nowhere. Removes a path only if it still is ours. */
  withdraw(): void;
  /** Where sockets share an address: a daemon that takes over had joined when `withdraw` looked. */
  readonly isFollowed?: boolean;
}

/** A socket bound and listening, never accepted on by the daemon. */
export interface ListenSocket {
  /** Close-on-exec; handed to workers as fd 0. */
  readonly fd: number;
  readonly endpoint: Endpoint;
  /** The name that the kernel knows the socket by: the address for TCP, the private path for Unix. */
  readonly boundTo: SocketAddress;
  /** False where nobody here can connect to it: its name is one in another mount or network namespace. */
  readonly isReachable?: boolean;
  /** Sets the blocking mode again: Node clears O_NONBLOCK on the shared description at every spawn. */
  restoreBlockingMode(): void;
  /** A connection that reaches this very socket, published or not. */
  connectPrivately(): Promise<ProbeConnection>;
  /** True when at least one connection waits to be accepted (poll(2) with timeout 0). */
  hasQueued(): boolean;
  /** Number of connections waiting, or `undefined` where the kernel does not tell. */
  queued(): number | undefined;
  /** Shuts the socket down, removes its private name, closes it. May be repeated. */
  close(): void;
}

/** A client connection of ours, with nothing sent on it. */
export interface ProbeConnection {
  /** What the process that accepts it sees as the name of the other end (getpeername(2)). */
  readonly name: ConnectionName;
  /** Hands the descriptor over, for example to `new net.Socket({ fd })`; `close` then does nothing. */
  release(): number;
  /** The other end has closed it, or said something unasked. */
  hasEnded(): boolean;
  close(): void;
}
