import type { InheritedAddress, SocketAddress } from '../config/address.ts';
import { isStreamSocket, keepFromPrograms, moveAside } from '../host/kernel/inherited-descriptors.ts';
import { isListener, socketName } from '../host/kernel/sockets.ts';
import { SystemCallError } from '../host/kernel.ts';
import { listenFailed } from './listen-errors.ts';

/** The first descriptor that systemd passes (SD_LISTEN_FDS_START, sd_listen_fds(3)). */
const firstDescriptor = 3;
const variables = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'];

/** A listening stream socket that somebody else has bound. It is never closed, shut down or unlinked. */
export interface InheritedSocket {
  readonly fd: number;
  /** What its connections are called, here or in another mount or network namespace. */
  readonly boundTo: SocketAddress;
}

/** The sockets that this process was started with. */
export class InheritedSockets {
  /** By position: the name of each socket of systemd. */
  readonly names: readonly string[];
  readonly #standardInput: number;
  readonly #isForAnother: boolean;

  /**
   * Takes them over: no program that is started from now on inherits them by accident, or is told of them by the
   * environment. A listening standard input is put aside, and leads to /dev/null afterwards.
   */
  static take(environment: NodeJS.ProcessEnv): InheritedSockets {
    const { LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names } = environment;
    for (const variable of variables) delete environment[variable];
    const isOurs = pid === String(process.pid);
    return new InheritedSockets(isOurs ? namesOf(count, names) : [], pid !== undefined && !isOurs);
  }

  private constructor(names: readonly string[], isForAnother: boolean) {
    this.names = names;
    this.#isForAnother = isForAnother;
    for (const index of names.keys()) keepFromPrograms(firstDescriptor + index);
    this.#standardInput = isListening(0) ? moveAside(0) : 0;
  }

  /** @throws RunfcgidError LISTEN_FAILED when there is no such socket, or it is not one to accept connections on. */
  find(address: InheritedAddress): InheritedSocket {
    const fd = address.kind === 'fd' ? this.#standardInput : this.#byName(address);
    return { fd, boundTo: examine(fd, address) };
  }

  #byName(address: Extract<InheritedAddress, { kind: 'systemd' }>): number {
    const places = [...this.names.keys()].filter((place) => this.names[place] === address.name);
    const place = places[address.index ?? 0];
    if (place !== undefined) return firstDescriptor + place;
    const what =
      places.length === 0
        ? `systemd passed no socket of that name${this.names.length === 0 ? '' : `, but ${this.names.join(', ')}`}`
        : `systemd passed ${places.length} of that name, counted from 0`;
    throw listenFailed(address, what, this.#hint());
  }

  #hint(): string {
    return this.#isForAnother
      ? 'They are for another process (LISTEN_PID): start runfcgid by ExecStart itself, without --daemonize and without a shell that stays.'
      : 'Start the .socket unit, with Service=runfcgid.service and FileDescriptorName= as in "listen"; then restart the service.';
  }
}

function namesOf(count: string | undefined, names: string | undefined): readonly string[] {
  const length = Number(count);
  if (!Number.isInteger(length) || length < 0) return [];
  const given = names === undefined || names === '' ? [] : names.split(':');
  // What sd_listen_fds_with_names(3) calls a socket whose name was not passed.
  return Array.from({ length }, (_, index) => given[index] ?? 'unknown');
}

function isListening(fd: number): boolean {
  try {
    return isListener(fd);
  } catch (error) {
    if (error instanceof SystemCallError) return false;
    throw error;
  }
}

function examine(fd: number, address: InheritedAddress): SocketAddress {
  const hint =
    address.kind === 'fd'
      ? 'fd:0 is for a daemon that a web server starts with a listening socket, such as lighttpd with "bin-path".'
      : 'The .socket unit must have ListenStream= and Accept=no.';
  try {
    if (!isStreamSocket(fd)) throw listenFailed(address, 'it is a socket that keeps no stream', hint);
    if (!isListener(fd)) throw listenFailed(address, 'it is a connection, or does not listen', hint);
    const name = socketName(fd);
    if (name.kind === 'tcp') return name;
    if (name.kind === 'unix') return { kind: 'unix', path: Buffer.from(name.path, 'latin1').toString() };
    throw listenFailed(address, `sockets of address family ${name.family} are not supported`, hint);
  } catch (error) {
    if (error instanceof SystemCallError) {
      throw listenFailed(address, `file descriptor ${fd} is not a socket`, hint, error);
    }
    throw error;
  }
}
