import { fstatSync } from 'node:fs';
import { isReadable, setBlocking } from '../host/kernel/sockets.ts';
import { unixAcceptQueue } from '../host/kernel/unix-queue.ts';
import type { Endpoint, ListenSocket, ProbeConnection } from './endpoint.ts';
import { removePrivateName } from './private-name.ts';
import { refuseConnections } from './refuse-connections.ts';
import { type FileIdentity, identityOf } from './unix-path.ts';
import { connectUnixProbe } from './unix-probe.ts';

export interface UnixListenSocketOptions {
  readonly endpoint: Endpoint;
  /** Listening, close-on-exec. */
  readonly fd: number;
  /** Absolute; what the socket is bound to. */
  readonly privatePath: string;
  readonly isBlocking: boolean;
  readonly onClose: (socket: UnixListenSocket) => void;
}

/** A Unix listener under a private name of its own, which it keeps until it is closed. */
export class UnixListenSocket implements ListenSocket {
  readonly fd: number;
  readonly endpoint: Endpoint;
  readonly boundTo: { readonly kind: 'unix'; readonly path: string };
  readonly privatePath: string;
  /** Of the file, which the address leads to while this socket is published. */
  readonly identity: FileIdentity | undefined;
  readonly #options: UnixListenSocketOptions;
  readonly #socketInode: number;
  #isOpen = true;

  constructor(options: UnixListenSocketOptions) {
    this.fd = options.fd;
    this.endpoint = options.endpoint;
    this.privatePath = options.privatePath;
    this.boundTo = { kind: 'unix', path: options.privatePath };
    this.identity = identityOf(options.privatePath);
    this.#options = options;
    this.#socketInode = fstatSync(options.fd).ino;
  }

  restoreBlockingMode(): void {
    setBlocking(this.fd, this.#options.isBlocking);
  }

  // A promise all the same, because a TCP socket has to wait for its handshake.
  async connectPrivately(): Promise<ProbeConnection> {
    return connectUnixProbe(this.boundTo);
  }

  hasQueued(): boolean {
    return this.#isOpen && isReadable(this.fd);
  }

  queued(): number | undefined {
    if (!this.hasQueued()) return 0;
    return unixAcceptQueue(this.#socketInode);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    removePrivateName(this.privatePath);
    refuseConnections(this.fd);
    this.#options.onClose(this);
  }
}
