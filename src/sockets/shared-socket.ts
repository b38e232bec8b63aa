import { fstatSync } from 'node:fs';
import type { SocketAddress } from '../config/address.ts';
import type { Clock } from '../host/clock.ts';
import { isReadable, setBlocking, tcpAcceptQueue } from '../host/kernel/sockets.ts';
import { unixAcceptQueue } from '../host/kernel/unix-queue.ts';
import { readTables } from '../host/socket-tables.ts';
import type { Endpoint, ListenSocket, ProbeConnection } from './endpoint.ts';
import { connectProbe } from './tcp-probe.ts';
import { connectUnixProbe } from './unix-probe.ts';

export interface SharedSocketOptions {
  readonly endpoint: Endpoint;
  /** Listening, close-on-exec. */
  readonly fd: number;
  readonly boundTo: SocketAddress;
  readonly isBlocking: boolean;
  readonly clock: Clock;
  readonly onClose: (socket: SharedSocket) => void;
}

/** One generation's hold on the one socket of an address; what becomes of the socket is the endpoint's business. */
export class SharedSocket implements ListenSocket {
  readonly fd: number;
  readonly endpoint: Endpoint;
  readonly boundTo: SocketAddress;
  readonly isReachable: boolean;
  readonly #options: SharedSocketOptions;
  readonly #inode: number;
  #isOpen = true;

  constructor(options: SharedSocketOptions) {
    this.fd = options.fd;
    this.endpoint = options.endpoint;
    this.boundTo = options.boundTo;
    this.#options = options;
    this.#inode = fstatSync(options.fd).ino;
    this.isReachable = this.#reaches();
    this.restoreBlockingMode();
  }

  restoreBlockingMode(): void {
    setBlocking(this.fd, this.#options.isBlocking);
  }

  // A promise also for Unix sockets, because a TCP socket has to wait for its handshake.
  async connectPrivately(): Promise<ProbeConnection> {
    const { boundTo } = this;
    if (boundTo.kind === 'unix') return connectUnixProbe(boundTo);
    return connectProbe(boundTo, this.#options.clock, { onBound: () => {}, onSettled: () => {} });
  }

  hasQueued(): boolean {
    return this.#isOpen && isReadable(this.fd);
  }

  queued(): number | undefined {
    if (!this.hasQueued()) return 0;
    return this.boundTo.kind === 'unix' ? unixAcceptQueue(this.#inode) : tcpAcceptQueue(this.fd);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.onClose(this);
  }

  /** Its name may be one in another mount or network namespace, where we reach nobody or somebody else. */
  #reaches(): boolean {
    const { boundTo } = this;
    const tables = readTables();
    if (boundTo.kind === 'tcp') return tables.tcp().some(({ inode }) => inode === this.#inode);
    if (boundTo.path.startsWith('@')) return tables.unix().some(({ inode }) => inode === this.#inode);
    return this.#reachesByPath(boundTo);
  }

  #reachesByPath(boundTo: Extract<SocketAddress, { kind: 'unix' }>): boolean {
    const before = this.queued();
    try {
      const connection = connectUnixProbe(boundTo);
      const after = this.queued();
      connection.close();
      return before === undefined || after === undefined ? this.hasQueued() : after > before;
    } catch {
      return false;
    }
  }
}
