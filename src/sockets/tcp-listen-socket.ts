import type { SocketAddress } from '../config/address.ts';
import { isReadable, setBlocking, tcpAcceptQueue } from '../host/kernel/sockets.ts';
import type { Endpoint, ListenSocket, ProbeConnection } from './endpoint.ts';

export interface TcpListenSocketOptions {
  readonly endpoint: Endpoint;
  readonly boundTo: SocketAddress;
  /** Listening, close-on-exec. */
  readonly fd: number;
  readonly inode: number;
  readonly isBlocking: boolean;
  readonly connect: () => Promise<ProbeConnection>;
  readonly close: () => void;
}

/** One of the sockets that listen on a port; who reaches it is decided by its endpoint. */
export class TcpListenSocket implements ListenSocket {
  readonly fd: number;
  readonly inode: number;
  readonly endpoint: Endpoint;
  readonly boundTo: SocketAddress;
  readonly #options: TcpListenSocketOptions;
  #isOpen = true;

  constructor(options: TcpListenSocketOptions) {
    this.fd = options.fd;
    this.inode = options.inode;
    this.endpoint = options.endpoint;
    this.boundTo = options.boundTo;
    this.#options = options;
  }

  restoreBlockingMode(): void {
    setBlocking(this.fd, this.#options.isBlocking);
  }

  connectPrivately(): Promise<ProbeConnection> {
    return this.#options.connect();
  }

  hasQueued(): boolean {
    return this.#isOpen && isReadable(this.fd);
  }

  queued(): number {
    return this.#isOpen ? tcpAcceptQueue(this.fd) : 0;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.close();
  }
}
