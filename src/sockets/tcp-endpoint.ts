import { fstatSync } from 'node:fs';
import type { Clock } from '../host/clock.ts';
import { attachSteering, dropBelowHopLimit } from '../host/kernel/sockets.ts';
import { ReservedDescriptor } from '../host/reserved-descriptor.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket, ProbeConnection } from './endpoint.ts';
import { addressInUse, listenFailed } from './listen-errors.ts';
import { ownersOfRows } from './listeners.ts';
import { closeTcpSocket, openTcpSocket, type TcpListenPlan } from './open-tcp-socket.ts';
import { PortMembers } from './port-members.ts';
import { steerAll, steerProbe } from './steering-program.ts';
import { TcpListenSocket } from './tcp-listen-socket.ts';
import { connectProbe } from './tcp-probe.ts';

/** The live one and a candidate, or a draining one and the live one. */
const mostGenerations = 2;
/** How often the group is looked at while a daemon that is about to end still is in it. */
const followIntervalMs = 20;
/** The highest there is: no system sends with it unless told to, and each router takes one off (RFC 5082). */
const unusualHopLimit = 255;

interface Member {
  readonly fd: number;
  readonly inode: number;
}

/**
 * A port on which the generations listen side by side (SO_REUSEPORT); a program in the kernel chooses by index
 * which of them gets a new connection. While none is published it leads to a dead end: one more socket, on which
 * nobody accepts, and which drops what would begin a connection. The client tries again after a second (RFC 6298),
 * and is served or refused then. Anybody may do all this; a filter on a TCP socket takes CAP_NET_ADMIN in newer
 * kernels.
 */
export class TcpEndpoint implements Endpoint {
  readonly address: TcpListenPlan['address'];
  #plan: TcpListenPlan;
  readonly #clock: Clock;
  readonly #members: PortMembers;
  readonly #sockets = new Set<TcpListenSocket>();
  /** For the next dead end: a stop must not need a descriptor. */
  readonly #reserved = new ReservedDescriptor();
  #published: TcpListenSocket | undefined;
  #deadEnd: Member | undefined;
  #probe: { readonly socket: TcpListenSocket; readonly sourcePort: number } | undefined;
  /** Probes connect one after the other: the program knows one source port. */
  #lastProbe: Promise<unknown> = Promise.resolve();

  /** @param predecessors pids of daemons that are about to end: their sockets may be in the group. */
  constructor(plan: TcpListenPlan, clock: Clock, predecessors: readonly number[] = []) {
    this.address = plan.address;
    this.#plan = plan;
    this.#clock = clock;
    this.#members = new PortMembers(plan.address, predecessors);
  }

  configure(plan: ListenPlan): void {
    const { address } = plan;
    if (address.kind === 'tcp') this.#plan = { ...plan, address };
  }

  open(): ListenSocket {
    if (this.#sockets.size >= mostGenerations) {
      const hint = 'Wait until the old generation has drained.';
      throw listenFailed(this.address, `${mostGenerations} generations listen there already`, hint);
    }
    this.#refuseStrangers();
    let socket: TcpListenSocket | undefined;
    try {
      if (this.#members.isEmpty) this.#openDeadEnd();
      socket = this.#join();
      // Behind ours where a predecessor leads: when that one leaves, the last takes its place.
      if (this.#published === undefined) this.#openDeadEnd();
      this.#refuseStrangers();
      return socket;
    } catch (error) {
      socket?.close();
      if (this.#sockets.size === 0) this.#closeDeadEnd();
      throw error;
    }
  }

  publish(socket: ListenSocket): void {
    const own = this.#own(socket);
    if (this.isPublished(own)) return;
    this.#refuseStrangers();
    this.#published = own;
    if (this.#deadEnd === undefined) this.#steer();
    else this.#closeDeadEnd();
    this.#reserved.keep();
    this.#followPredecessors();
  }

  isPublished(socket: ListenSocket): boolean {
    return this.#published !== undefined && this.#published === socket;
  }

  get isFollowed(): boolean {
    return this.#members.isFollowed;
  }

  /**
   * Clients that try to connect get no answer until the last socket is closed, and are refused then. Handshakes that
   * have begun go on. A daemon that has joined to take over decides itself where the port leads.
   */
  withdraw(): void {
    if (this.#published === undefined) return;
    this.#members.reconcile();
    this.#leadNowhere();
  }

  #leadNowhere(): void {
    if (!this.isFollowed) this.#openDeadEnd();
    this.#published = undefined;
    this.#steer();
  }

  #openDeadEnd(): void {
    if (this.#deadEnd !== undefined) return;
    this.#reserved.release();
    this.#deadEnd = this.#openMember((unheard) =>
      dropBelowHopLimit(unheard, this.address.family, unusualHopLimit),
    );
  }

  #join(): TcpListenSocket {
    const socket = new TcpListenSocket({
      ...this.#openMember(),
      endpoint: this,
      boundTo: this.address,
      isBlocking: this.#plan.isBlocking,
      connect: () => this.#connect(socket),
      close: () => this.#close(socket),
    });
    this.#sockets.add(socket);
    return socket;
  }

  #openMember(prepare: (unheard: number) => void = () => {}): Member {
    // Before a second ever joins: without a program the kernel would spread connections over both. Predecessors
    // have one already, and the kernel takes nobody into the group who brings another one.
    const isFirst = this.#members.isEmpty;
    const fd = openTcpSocket(this.#plan, (unheard) => {
      prepare(unheard);
      if (isFirst) attachSteering(unheard, steerAll(0));
    });
    const { ino: inode } = fstatSync(fd);
    this.#members.join(inode);
    return { fd, inode };
  }

  #connect(socket: TcpListenSocket): Promise<ProbeConnection> {
    const probe = this.#lastProbe.then(() =>
      connectProbe(this.address, this.#clock, {
        onBound: (sourcePort) => this.#letThrough({ socket, sourcePort }),
        onSettled: () => this.#letThrough(undefined),
      }),
    );
    this.#lastProbe = probe.catch(() => undefined);
    return probe;
  }

  #letThrough(probe: { readonly socket: TcpListenSocket; readonly sourcePort: number } | undefined): void {
    this.#probe = probe;
    this.#steer();
  }

  #close(socket: TcpListenSocket): void {
    const isLast = this.#sockets.size === 1;
    if (!isLast) this.#prepareLeaving(socket);
    closeTcpSocket(socket.fd);
    this.#sockets.delete(socket);
    this.#members.leave(socket.inode);
    if (this.#published === socket) this.#published = undefined;
    if (isLast) {
      this.#closeDeadEnd();
      this.#reserved.release();
      return;
    }
    // At once: the index may be one that is not there, and reading the table takes milliseconds on a busy machine.
    this.#steer();
    this.#members.reconcile();
    if (this.#published === undefined) this.#leadNowhere();
    else this.#steer();
  }

  /** A candidate may be left, which would take the place of a published socket. */
  #prepareLeaving(socket: TcpListenSocket): void {
    try {
      this.#members.reconcile();
      if (this.isPublished(socket)) this.#leadNowhere();
    } catch {
      // All this is tried again when the socket has made room for another; then it is told.
    }
  }

  /** Until it is closed it drops what is meant for the one that takes its place. */
  #closeDeadEnd(): void {
    if (this.#deadEnd === undefined) return;
    const deadEnd = this.#deadEnd;
    this.#members.leave(deadEnd.inode);
    this.#deadEnd = undefined;
    this.#steer();
    closeTcpSocket(deadEnd.fd);
  }

  #steer(): void {
    const [anyOpen] = this.#sockets;
    const live = this.#leadsTo();
    if (anyOpen === undefined || live === undefined) return;
    const candidate = this.#members.indexOf(this.#probe?.socket.inode);
    const program =
      this.#probe === undefined || candidate === undefined
        ? steerAll(live)
        : steerProbe({ family: this.address.family, live, candidate, sourcePort: this.#probe.sourcePort });
    attachSteering(anyOpen.fd, program);
  }

  /** Where everybody goes; `undefined` where a daemon that takes over from us decides that. */
  #leadsTo(): number | undefined {
    if (this.#published !== undefined) return this.#members.indexOf(this.#published.inode) ?? 0;
    const { predecessor, isFollowed } = this.#members;
    if (predecessor !== undefined) return this.#members.indexOf(predecessor);
    return isFollowed ? undefined : this.#members.indexOf(this.#deadEnd?.inode);
  }

  #refuseStrangers(): void {
    const strangers = this.#members.reconcile();
    if (strangers.length > 0) throw addressInUse(this.address, ownersOfRows(strangers));
  }

  /** Our index changes when they leave. */
  #followPredecessors(): void {
    if (this.#members.predecessor === undefined) return;
    this.#clock.at(this.#clock.now() + followIntervalMs, () => {
      if (this.#sockets.size === 0) return;
      this.#members.reconcile();
      this.#steer();
      this.#followPredecessors();
    });
  }

  #own(socket: ListenSocket): TcpListenSocket {
    const own = [...this.#sockets].find((each) => each === socket);
    if (own !== undefined) return own;
    throw new TypeError('the listen socket belongs to another endpoint, or is closed');
  }
}
