import { type SocketTables, tcpState } from '../host/socket-tables.ts';
import { acceptedFrom, nameOfTcpRow } from './connection-name.ts';
import type { ListenSocket } from './endpoint.ts';

/** How long handshakes from before a switch are waited for: what has not come by then is lost on its way. */
const patienceMs = 5_000;

/**
 * TCP handshakes that had begun when an address was switched to other sockets. They belong to the old socket
 * and would be reset with it, although the kernel lists them in no queue; on one machine they are over at once.
 */
export class HalfOpenHandshakes {
  readonly #sockets: readonly ListenSocket[];
  readonly #deadlineMs: number;
  #remoteEnds: ReadonlySet<string>;

  /** To be made right after the switch: those that began just after it are waited for too, which does no harm. */
  constructor(sockets: readonly ListenSocket[], tables: SocketTables, nowMs: number) {
    this.#sockets = sockets.filter(({ boundTo }) => boundTo.kind === 'tcp');
    this.#deadlineMs = nowMs + patienceMs;
    this.#remoteEnds = this.#sockets.length === 0 ? new Set() : this.#listed(tables);
  }

  /** Number of those that are still under way. */
  remaining(tables: SocketTables, nowMs: number): number {
    if (nowMs >= this.#deadlineMs) this.#remoteEnds = new Set();
    if (this.#remoteEnds.size === 0) return 0;
    const listed = this.#listed(tables);
    this.#remoteEnds = new Set([...this.#remoteEnds].filter((end) => listed.has(end)));
    return this.#remoteEnds.size;
  }

  #listed(tables: SocketTables): ReadonlySet<string> {
    const isOurs = this.#sockets.map(({ boundTo }) => acceptedFrom(boundTo));
    const rows = tables
      .tcp()
      .filter((row) => row.state === tcpState.synReceived && isOurs.some((test) => test(nameOfTcpRow(row))));
    return new Set(rows.map(({ family, remote }) => `${family} ${remote}`));
  }
}
