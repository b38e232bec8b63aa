import { fstatSync } from 'node:fs';
import type { Clock } from '../host/clock.ts';
import {
  attachFilter,
  attachSteering,
  closeDescriptor,
  detachFilter,
  shutDownListener,
} from '../host/kernel/sockets.ts';
import { readTables, type TcpRow } from '../host/socket-tables.ts';
import { tcpTableHost } from '../host/tcp-table-name.ts';
import type { ListenPlan } from '../plan/plan.ts';
import type { Endpoint, ListenSocket, ProbeConnection } from './endpoint.ts';
import { addressInUse, listenFailed } from './listen-errors.ts';
import { listenRows, ownersOfRows } from './listeners.ts';
import { openTcpSocket, type TcpListenPlan } from './open-tcp-socket.ts';
import { SteeringGroup } from './steering-group.ts';
import { dropNewConnections, steerAll, steerProbe } from './steering-program.ts';
import { TcpListenSocket } from './tcp-listen-socket.ts';
import { connectProbe } from './tcp-probe.ts';

/** The live one and a candidate, or a draining one and the live one. */
const mostMembers = 2;
/** How often the group is looked at while a daemon that is about to end still is in it. */
const followIntervalMs = 20;

/**
 * A port on which the generations listen side by side (SO_REUSEPORT); a program in the kernel chooses by index
 * which of them gets a new connection. A socket that is not, or no longer, meant for the public also drops what
 * would begin a connection, so that no moment of a change of members lets anybody through.
 */
export class TcpEndpoint implements Endpoint {
  readonly address: TcpListenPlan['address'];
  #plan: TcpListenPlan;
  readonly #clock: Clock;
  readonly #predecessors: readonly number[];
  /** Sockets of predecessors, by inode. */
  readonly #precedingInodes = new Set<number>();
  readonly #group = new SteeringGroup();
  readonly #sockets = new Map<number, TcpListenSocket>();
  /** Sockets that drop what would begin a connection. */
  readonly #hidden = new Set<TcpListenSocket>();
  #published: TcpListenSocket | undefined;
  #probe: { readonly socket: TcpListenSocket; readonly sourcePort: number } | undefined;
  /** Probes connect one after the other: the program knows one source port. */
  #lastProbe: Promise<unknown> = Promise.resolve();

  /** @param predecessors pids of daemons that are about to end: their sockets may be in the group. */
  constructor(plan: TcpListenPlan, clock: Clock, predecessors: readonly number[] = []) {
    this.address = plan.address;
    this.#plan = plan;
    this.#clock = clock;
    this.#predecessors = predecessors;
  }

  configure(plan: ListenPlan): void {
    const { address } = plan;
    if (address.kind === 'tcp') this.#plan = { ...plan, address };
  }

  open(): ListenSocket {
    if (this.#sockets.size >= mostMembers) {
      const hint = 'Wait until the old generation has drained.';
      throw listenFailed(this.address, `${mostMembers} generations listen there already`, hint);
    }
    this.#refuseStrangers();
    const socket = this.#join();
    try {
      this.#refuseStrangers();
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  publish(socket: ListenSocket): void {
    const own = this.#own(socket);
    if (this.isPublished(own)) return;
    this.#refuseStrangers();
    detachFilter(own.fd);
    this.#hidden.delete(own);
    this.#published = own;
    this.#steer();
    this.#followPredecessors();
  }

  isPublished(socket: ListenSocket): boolean {
    return this.#published !== undefined && this.#published === socket;
  }

  /** Clients that try to connect get no answer until the last socket is closed, and are refused then. */
  withdraw(): void {
    if (this.#published === undefined) return;
    attachFilter(this.#published.fd, dropNewConnections(undefined));
    this.#hidden.add(this.#published);
    this.#published = undefined;
  }

  #join(): TcpListenSocket {
    // Predecessors have a program already, and the kernel takes nobody into the group who brings another one.
    const isFirst = this.#group.members.length === 0;
    const fd = openTcpSocket(this.#plan, (unheard) => {
      attachFilter(unheard, dropNewConnections(undefined));
      // Before a second ever joins: without a program the kernel would spread connections over both.
      if (isFirst) attachSteering(unheard, steerAll(0));
    });
    const socket = new TcpListenSocket({
      fd,
      inode: fstatSync(fd).ino,
      endpoint: this,
      boundTo: this.address,
      isBlocking: this.#plan.isBlocking,
      connect: () => this.#connect(socket),
      close: () => this.#close(socket),
    });
    this.#sockets.set(socket.inode, socket);
    this.#hidden.add(socket);
    this.#group.join(socket.inode);
    return socket;
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
    const target = probe?.socket ?? this.#probe?.socket;
    this.#probe = probe;
    if (target !== undefined && this.#hidden.has(target)) {
      attachFilter(target.fd, dropNewConnections(probe?.sourcePort));
    }
    this.#steer();
  }

  #close(socket: TcpListenSocket): void {
    // Shut down first: a stray process may hold the socket, which would keep its place in the group.
    shutDownListener(socket.fd);
    closeDescriptor(socket.fd);
    this.#sockets.delete(socket.inode);
    this.#hidden.delete(socket);
    this.#group.leave(socket.inode);
    if (this.#published === socket) this.#published = undefined;
    if (this.#sockets.size === 0) return;
    this.#group.reconcile(this.#listedInodes());
    this.#steer();
  }

  #steer(): void {
    const [anyOpen] = this.#sockets.values();
    if (anyOpen === undefined) return;
    const live = this.#indexOf(this.#published) ?? 0;
    const candidate = this.#indexOf(this.#probe?.socket);
    const program =
      this.#probe === undefined || candidate === undefined
        ? steerAll(live)
        : steerProbe({ family: this.address.family, live, candidate, sourcePort: this.#probe.sourcePort });
    attachSteering(anyOpen.fd, program);
  }

  #refuseStrangers(): void {
    const rows = listenRows(this.address, readTables()).filter((row) => !this.#sockets.has(row.inode));
    const strangers = rows.filter((row) => !this.#precedes(row));
    if (strangers.length > 0) throw addressInUse(this.address, ownersOfRows(strangers));
    this.#group.reconcile(this.#listedInodes());
  }

  #precedes(row: TcpRow): boolean {
    if (this.#precedingInodes.has(row.inode)) return true;
    if (this.#predecessors.length === 0) return false;
    const isTheirs = ownersOfRows([row]).some(
      ({ pid }) => pid !== undefined && this.#predecessors.includes(pid),
    );
    if (isTheirs) this.#precedingInodes.add(row.inode);
    return isTheirs;
  }

  /** Our index changes when they leave. */
  #followPredecessors(): void {
    if (!this.#group.members.some((inode) => this.#precedingInodes.has(inode))) return;
    this.#clock.at(this.#clock.now() + followIntervalMs, () => {
      if (this.#sockets.size === 0) return;
      this.#group.reconcile(this.#listedInodes());
      this.#steer();
      this.#followPredecessors();
    });
  }

  // Wildcard and specific addresses get in each other's way, but form groups of their own.
  #listedInodes(): readonly number[] {
    const host = tcpTableHost(this.address.host, this.address.family);
    const isMember = (row: TcpRow): boolean => row.host === host;
    return (
      listenRows(this.address, readTables())
        .filter(isMember)
        .map((row) => row.inode)
        // In the order in which they were made, which is that of the group as far as we have not seen it.
        .toSorted((one, other) => one - other)
    );
  }

  #indexOf(socket: TcpListenSocket | undefined): number | undefined {
    return socket === undefined ? undefined : this.#group.indexOf(socket.inode);
  }

  #own(socket: ListenSocket): TcpListenSocket {
    const own = [...this.#sockets.values()].find((each) => each === socket);
    if (own !== undefined) return own;
    throw new TypeError('the listen socket belongs to another endpoint, or is closed');
  }
}
