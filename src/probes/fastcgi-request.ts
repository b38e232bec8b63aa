import { Readable } from 'node:stream';
import { formatAddress, type SocketAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { AnswerTimer } from './answer-timer.ts';
import { BodyPump } from './body-pump.ts';
import { FastcgiConnection, type Message } from './fastcgi-client.ts';
import { encodePairs, type Param } from './name-value-pairs.ts';

export interface RequestOptions {
  /** The request body; nothing is sent for it when absent. Never destroyed here: it stays its owner's. */
  readonly body?: Readable | undefined;
  /** Monotonic milliseconds at which the whole exchange must have ended. */
  readonly deadlineMs?: number | undefined;
  /** The longest silence of the application that is endured, in milliseconds, from connecting on. */
  readonly idleTimeoutMs?: number | undefined;
  /** Closes the connection, also while connecting. */
  readonly signal?: AbortSignal | undefined;
  /** Receives what the application writes to its error stream. Whoever keeps it sets the bound. */
  readonly onStderr?: ((data: Buffer) => void) | undefined;
  readonly clock?: Clock | undefined;
  /** A connection to the address that is open already and belongs to the request from now on. */
  readonly descriptor?: number | undefined;
}

export interface FastcgiRequest {
  /**
   * The CGI response, header first. Reading slowly holds the application back. Ends at END_REQUEST; is destroyed
   * with a FASTCGI error when the answer is cut short. An error nobody listens to does no harm.
   */
  readonly stdout: Readable;
  /** Resolves at END_REQUEST, or with `undefined` after `close`; rejects with the error that destroys `stdout`. */
  readonly ended: Promise<EndOfRequest | undefined>;
  /** Closes the connection at once. May be repeated. */
  close(): void;
}

export interface EndOfRequest {
  /** The status a CGI program would have exited with. */
  readonly appStatus: number;
  readonly protocolStatus: ProtocolStatus;
}

/** FastCGI 1.0 specification, section 5.5, in the order of their numbers. */
const protocolStatuses = ['complete', 'cannot-multiplex', 'overloaded', 'unknown-role'] as const;

export type ProtocolStatus = (typeof protocolStatuses)[number];

const stdoutBufferBytes = 65_536;

/**
 * Sends one request over a connection of its own and resolves once connected.
 *
 * @throws RunfcgidError FASTCGI_UNREACHABLE when nobody accepts, FASTCGI_TIMEOUT when nobody does in time; the
 *   signal's reason when it is aborted before.
 */
export async function openRequest(
  address: SocketAddress,
  params: readonly Param[],
  options: RequestOptions = {},
): Promise<FastcgiRequest> {
  options.signal?.throwIfAborted();
  const exchange = new Exchange(address, params, options);
  await exchange.connected;
  return exchange;
}

class Exchange implements FastcgiRequest {
  readonly connected: Promise<void>;
  readonly ended: Promise<EndOfRequest | undefined>;
  readonly stdout: Readable;
  readonly #options: RequestOptions;
  readonly #peer: string;
  readonly #connection: FastcgiConnection;
  readonly #timer: AnswerTimer;
  #resolveConnected: () => void = () => {};
  #rejectConnected: (reason: unknown) => void = () => {};
  #resolveEnded: (end: EndOfRequest | undefined) => void = () => {};
  #rejectEnded: (reason: unknown) => void = () => {};
  #isSettled = false;
  #hasStdoutEnded = false;
  #bodyPump: BodyPump | undefined;

  constructor(address: SocketAddress, params: readonly Param[], options: RequestOptions) {
    this.#options = options;
    this.#peer = formatAddress(address);
    this.connected = new Promise((resolve, reject) => {
      this.#resolveConnected = resolve;
      this.#rejectConnected = reject;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve;
      this.#rejectEnded = reject;
    });
    // Whoever needs to know awaits; a rejection nobody awaits must not end the process.
    this.ended.catch(() => {});
    this.stdout = this.#createStdout();
    this.#timer = new AnswerTimer(options.clock ?? systemClock, options, (words) => this.#timeOut(words));
    const listener = {
      onConnected: () => this.#begin(params),
      onMessage: (message: Message) => this.#take(message),
      onWritable: () => {
        this.#timer.noteActivity();
        this.#bodyPump?.resume();
      },
      onClosed: (error: RunfcgidError | undefined) => this.#fail(error ?? this.#truncated()),
    };
    this.#connection = new FastcgiConnection(address, listener, options.descriptor);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  close(): void {
    this.#settle();
    this.stdout.destroy();
    this.#rejectConnected(this.#options.signal?.reason ?? new Error('closed before it was connected'));
    this.#resolveEnded(undefined);
  }

  readonly #onAbort = (): void => this.close();

  #createStdout(): Readable {
    const stdout = new Readable({
      highWaterMark: stdoutBufferBytes,
      read: () => {
        this.#timer.release();
        this.#connection.resume();
      },
      destroy: (error, callback) => {
        if (!this.#isSettled) this.close();
        callback(error);
      },
    });
    stdout.on('error', () => {});
    return stdout;
  }

  #begin(params: readonly Param[]): void {
    this.#timer.noteActivity();
    this.#connection.cork();
    this.#connection.beginRequest();
    this.#connection.send('params', encodePairs(params));
    this.#connection.endStream('params');
    const { body } = this.#options;
    if (body === undefined) this.#connection.endStream('stdin');
    else this.#bodyPump = new BodyPump(body, this.#connection, (error) => this.#fail(error));
    this.#resolveConnected();
  }

  #take(message: Message): void {
    this.#timer.noteActivity();
    switch (message.kind) {
      case 'stdout':
        this.#takeStdout(message.data);
        break;
      case 'stderr':
        this.#options.onStderr?.(message.data);
        break;
      case 'end':
        this.#end(message.appStatus, message.protocolStatus);
        break;
      case 'values':
      case 'unknown-type':
        // Management records may come at any time (specification, section 4); none was asked for here.
        break;
    }
  }

  #takeStdout(data: Buffer): void {
    if (data.length === 0) {
      this.#hasStdoutEnded = true;
    } else if (this.#hasStdoutEnded) {
      this.#fail(
        new RunfcgidError('FASTCGI_PROTOCOL', `${this.#peer} sent output after the end of its output`),
      );
    } else if (!this.stdout.push(data)) {
      this.#timer.hold();
      this.#connection.pause();
    }
  }

  #end(appStatus: number, statusNumber: number): void {
    const protocolStatus = protocolStatuses[statusNumber];
    if (protocolStatus === undefined) {
      const problem = `${this.#peer} ended the request with protocol status ${statusNumber}; FastCGI has 0 to 3`;
      this.#fail(new RunfcgidError('FASTCGI_PROTOCOL', problem));
      return;
    }
    this.#settle();
    this.stdout.push(null);
    this.#resolveEnded({ appStatus, protocolStatus });
  }

  #timeOut(words: string): void {
    this.#fail(
      new RunfcgidError('FASTCGI_TIMEOUT', `${this.#peer} ${words}`, {
        hint: 'Every worker may be busy, or the one that took the request hangs.',
      }),
    );
  }

  #truncated(): RunfcgidError {
    return new RunfcgidError(
      'FASTCGI_PROTOCOL',
      `${this.#peer} closed the connection before its answer was complete`,
      { hint: 'The worker probably died: look at its last output.' },
    );
  }

  #fail(error: Error): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#rejectConnected(error);
    this.#rejectEnded(error);
    this.stdout.destroy(error);
  }

  /** The connection is done with, whichever way. The application may be waiting for the close. */
  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#timer.cancel();
    this.#bodyPump?.detach();
    this.#connection.close();
  }
}
