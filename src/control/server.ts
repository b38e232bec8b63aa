import { lstatSync, renameSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { describeError, RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import { longestUnixPath } from '../host/kernel/socket-name.ts';
import { type PeerCredentials, peerCredentials } from '../host/kernel/sockets.ts';
import type { Log } from '../host/log.ts';
import type { Commands } from '../pools/commands.ts';
import { SocketFile } from '../sockets/socket-file.ts';
import { answer, isReadOnly, pathOf } from './exchange.ts';

const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const maxHeaderSize = 16 * 1024;
const maxConnections = 128;
/** How long answers under way may take to leave when the daemon ends. */
const farewellMs = 1_000;
const answerMs = 1_000;

export interface ControlServerOptions {
  readonly path: string;
  /** For example 0o600. */
  readonly mode: number;
  readonly commands: Commands;
  readonly log: Log;
  readonly clock: Clock;
}

/** HTTP/1.1 with JSON on a Unix socket (routes.ts). `curl --unix-socket PATH http://localhost/v1/status` works. */
export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  #inode: number | undefined;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        headersTimeout: headersTimeoutMs,
        requestTimeout: requestTimeoutMs,
        maxHeaderSize,
        requireHostHeader: false,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = maxConnections;
  }

  /**
   * Listens. A socket that nobody answers on is replaced.
   *
   * @throws RunfcgidError DAEMON_RUNNING when a daemon answers there, LISTEN_FAILED when the socket cannot be made.
   */
  async open(): Promise<void> {
    const { path, mode, clock } = this.#options;
    checkPath(path);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
      throw new RunfcgidError(
        'LISTEN_FAILED',
        `the control socket ${path} cannot be opened: a file is there`,
        {
          hint: 'Remove the file, or set "control_socket" in [daemon] to another path.',
        },
      );
    }
    if (await answersOn(path, clock)) {
      throw new RunfcgidError('DAEMON_RUNNING', `a daemon already answers on ${path}`, {
        hint: 'Stop it with "fcgictl stop", or give this one a "runtime_dir" of its own.',
      });
    }
    // Bound under a private name and renamed: whoever finds the socket finds it with its mode and listening.
    const privatePath = join(dirname(path), `.control.${process.pid}`);
    try {
      rmSync(privatePath, { force: true });
      await listen(this.#server, privatePath);
      setMode(privatePath, mode);
      this.#inode = lstatSync(privatePath).ino;
      renameSync(privatePath, path);
    } catch (error) {
      this.#server.close();
      rmSync(privatePath, { force: true });
      throw new RunfcgidError('LISTEN_FAILED', `the control socket ${path} cannot be opened`, {
        cause: error,
        hint: 'The daemon needs to write in that directory: see "runtime_dir" in [daemon].',
      });
    }
  }

  /** Stops listening, removes the socket if it is still ours, and lets answers under way leave. */
  async close(): Promise<void> {
    this.#removeSocket();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const { clock } = this.#options;
    const impatience = clock.at(clock.now() + farewellMs, () => this.#server.closeAllConnections());
    await closed;
    impatience.cancel();
  }

  #removeSocket(): void {
    const { path } = this.#options;
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSocket() && found.ino === this.#inode) rmSync(path, { force: true });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { commands, log } = this.#options;
    const fields = { ...this.#caller(request.socket), method: request.method, path: pathOf(request) };
    const event = 'control.request';
    if (isReadOnly(request)) log.debug({ event, ...fields }, 'control request');
    else log.info({ event, ...fields }, 'control request');
    // A client that leaves while it waits is harmless; without a listener its broken pipe would end the daemon.
    response.on('error', () => {});
    request.on('error', () => {});
    const mistake = await answer(request, response, commands);
    if (mistake !== undefined) {
      log.error({ event: 'control.failed', ...fields, error: mistake }, 'control request failed');
    }
  }

  #caller(socket: Socket): PeerCredentials | { readonly unidentified: string } {
    try {
      return peerCredentials(descriptorOf(socket));
    } catch (error) {
      return { unidentified: describeError(error) };
    }
  }
}

function checkPath(path: string): void {
  const length = Buffer.byteLength(join(dirname(path), `.control.${process.pid}`));
  if (Math.max(length, Buffer.byteLength(path)) <= longestUnixPath) return;
  throw new RunfcgidError('LISTEN_FAILED', `the path of the control socket is too long: ${path}`, {
    hint: `A Unix socket's path holds ${longestUnixPath} bytes: choose a shorter "runtime_dir" in [daemon].`,
  });
}

function answersOn(path: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (isAnswering: boolean): void => {
      impatience.cancel();
      socket.destroy();
      resolve(isAnswering);
    };
    // A full backlog keeps connect waiting: somebody listens there.
    const impatience = clock.at(clock.now() + answerMs, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      settle(code !== 'ENOENT' && code !== 'ECONNREFUSED'),
    );
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node binds within this call, so the umask covers exactly the moment the socket appears.
    const umask = process.umask(0o177);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
    process.umask(umask);
  });
}

function setMode(path: string, mode: number): void {
  const file = new SocketFile(path);
  try {
    file.setMode(mode);
  } finally {
    file.close();
  }
}

/** Node does not document the descriptor of a socket; libuv's handle has carried it as `fd` since Node 0.10. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } };
  if (handle?.fd === undefined || handle.fd < 0) throw new Error('the connection is closed');
  return handle.fd;
}
