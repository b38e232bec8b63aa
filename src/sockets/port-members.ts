import { readTables, type TcpRow } from '../host/socket-tables.ts';
import { tcpTableHost } from '../host/tcp-table-name.ts';
import { listenRows, ownersOfRows } from './listeners.ts';
import type { TcpListenPlan } from './open-tcp-socket.ts';
import { SteeringGroup } from './steering-group.ts';

/** Who listens on a port, by inode: we, daemons that are about to end, and others. */
export class PortMembers {
  readonly #address: TcpListenPlan['address'];
  readonly #predecessors: readonly number[];
  readonly #group = new SteeringGroup();
  readonly #own = new Set<number>();
  readonly #preceding = new Set<number>();

  /** @param predecessors pids of daemons that are about to end: their sockets may be in the group. */
  constructor(address: TcpListenPlan['address'], predecessors: readonly number[]) {
    this.#address = address;
    this.#predecessors = predecessors;
  }

  get isEmpty(): boolean {
    return this.#group.members.length === 0;
  }

  /** The socket of a daemon that is about to end. */
  get predecessor(): number | undefined {
    return this.#group.members.find((inode) => this.#preceding.has(inode));
  }

  /** Somebody has joined who neither belongs to us nor came before: a daemon that takes over from us. */
  get isFollowed(): boolean {
    return this.#group.members.some((inode) => !this.#own.has(inode) && !this.#preceding.has(inode));
  }

  /** Takes in a socket of ours. */
  join(inode: number): void {
    this.#own.add(inode);
    this.#group.join(inode);
  }

  leave(inode: number): void {
    this.#own.delete(inode);
    this.#group.leave(inode);
  }

  /** By what the steering program names a member; `undefined` when it is none. */
  indexOf(inode: number | undefined): number | undefined {
    return inode === undefined ? undefined : this.#group.indexOf(inode);
  }

  /**
   * Takes in who listens now.
   *
   * @returns those who belong neither to us nor to a predecessor.
   */
  reconcile(): readonly TcpRow[] {
    const rows = listenRows(this.#address, readTables());
    const strangers = rows.filter((row) => !this.#own.has(row.inode) && !this.#precedes(row));
    this.#group.reconcile(this.#membersAmong(rows));
    return strangers;
  }

  #precedes(row: TcpRow): boolean {
    if (this.#preceding.has(row.inode)) return true;
    if (this.#predecessors.length === 0) return false;
    const isTheirs = ownersOfRows([row]).some(
      ({ pid }) => pid !== undefined && this.#predecessors.includes(pid),
    );
    if (isTheirs) this.#preceding.add(row.inode);
    return isTheirs;
  }

  // Wildcard and specific addresses get in each other's way, but form groups of their own.
  #membersAmong(rows: readonly TcpRow[]): readonly number[] {
    const host = tcpTableHost(this.#address.host, this.#address.family);
    return (
      rows
        .filter((row) => row.host === host)
        .map((row) => row.inode)
        // In the order in which they were made, which is that of the group as far as we have not seen it.
        .toSorted((one, other) => one - other)
    );
  }
}
