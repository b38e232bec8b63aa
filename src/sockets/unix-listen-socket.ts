import { fstatSync } from 'node:fs';
import {
  acceptFrom,
  closeDescriptor,
  isReadable,
  openStreamSocket,
  setBlocking,
  shutDownListener,
  startConnect,
} from '../host/kernel/sockets.ts';
import { unixAcceptQueue } from '../host/kernel/unix-queue.ts';
import type { Endpoint, ListenSocket, ProbeConnection } from './endpoint.ts';
import { removePrivateName } from './private-name.ts';
import { probeConnection } from './probe-connection.ts';
import { type FileIdentity, identityOf } from './unix-path.ts';

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
    const fd = openStreamSocket('unix', 'non-blocking');
    try {
      startConnect(fd, this.boundTo);
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    return probeConnection(fd);
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
    shutDownListener(this.fd);
    refuseQueued(this.fd);
    closeDescriptor(this.fd);
    this.#options.onClose(this);
  }
}

// A stray process may still hold the listener; without this, clients left in its queue would wait for ever.
function refuseQueued(fd: number): void {
  while (isReadable(fd)) {
    try {
      closeDescriptor(acceptFrom(fd));
    } catch {
      // Shut down and empty: EINVAL.
      return;
    }
  }
}
