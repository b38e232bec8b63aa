import type { NetConnectOpts } from 'node:net';
import fastcgiStream, { type FastcgiRecord } from 'fastcgi-stream';
import { formatAddress, type SocketAddress } from '../config/address.ts';
import { describeError, RunfcgidError } from '../errors.ts';
import { PatientSocket } from './patient-socket.ts';
import { RecordGuard } from './record-guard.ts';
import { longestContent, recordType } from './record-header.ts';
import { unreachable } from './unreachable.ts';

const { BeginRequest, EndRequest, GetValuesResult, StdErr, StdOut, UnknownType } = fastcgiStream.records;

/** What an application may say, already checked. Empty `data` ends its stream. */
export type Message =
  | { readonly kind: 'stdout'; readonly data: Buffer }
  | { readonly kind: 'stderr'; readonly data: Buffer }
  | { readonly kind: 'end'; readonly appStatus: number; readonly protocolStatus: number }
  | { readonly kind: 'values'; readonly values: ReadonlyMap<string, string> }
  | { readonly kind: 'unknown-type'; readonly type: number };

export interface ConnectionListener {
  onConnected(): void;
  onMessage(message: Message): void;
  /** After `send` returned false: the socket's buffer is empty again. */
  onWritable(): void;
  /** Exactly once, also after `close`. Without an error the connection ended between two records. */
  onClosed(error: RunfcgidError | undefined): void;
}

/** Streams that a web server sends; each ends with an empty record. */
export type OutgoingStream = 'params' | 'stdin' | 'getValues';

/** Without FCGI_KEEP_CONN one connection carries one request, so its id is always the same. */
const requestId = 1;

/**
 * Content of one outgoing record, at most: the largest multiple of 8 in 16 bits, so that full records need no
 * padding. fastcgi-stream itself writes longer content with a wrapped length.
 */
const fullContent = longestContent - (longestContent % 8);

/** sun_path without its final NUL (unix(7)). libuv would connect to a truncated path. */
const longestPath = 107;

/**
 * One connection to a FastCGI application, as a web server sees it: the boundary around fastcgi-stream. Records
 * reach the library only through a RecordGuard, one whole record at a time.
 */
export class FastcgiConnection {
  readonly #address: SocketAddress;
  readonly #listener: ConnectionListener;
  readonly #socket: PatientSocket;
  readonly #guard: RecordGuard;
  readonly #library: InstanceType<typeof fastcgiStream.FastCGIStream>;
  #feedLibrary: (record: Buffer) => void = () => {};
  #isConnected = false;
  #isClosed = false;

  /** @param descriptor a connection to `address` that is open already; it is this object's from now on. */
  constructor(address: SocketAddress, listener: ConnectionListener, descriptor?: number) {
    this.#address = address;
    this.#listener = listener;
    this.#socket = new PatientSocket(
      descriptor === undefined ? {} : { fd: descriptor, readable: true, writable: true },
    );
    this.#guard = new RecordGuard({ peer: formatAddress(address), requestId });
    this.#library = new fastcgiStream.FastCGIStream({
      on: (_event, feed) => {
        this.#feedLibrary = feed;
      },
      write: (bytes) => this.#socket.write(bytes),
    });
    this.#library.on('record', (_requestId, record) => this.#receive(record));
    this.#listen();
    if (descriptor === undefined) this.#connect();
    else process.nextTick(() => this.#noteConnected());
  }

  /** BEGIN_REQUEST for a responder that closes the connection afterwards. */
  beginRequest(): void {
    this.#sendRecord(requestId, new BeginRequest(BeginRequest.roles.RESPONDER, 0));
  }

  /** Sends all of `content` in records of legal length. False: wait for `onWritable` before sending more. */
  send(stream: OutgoingStream, content: Buffer): boolean {
    let mayGoOn = true;
    for (let offset = 0; offset < content.length; offset += fullContent) {
      mayGoOn = this.#sendContent(stream, content.subarray(offset, offset + fullContent));
    }
    return mayGoOn;
  }

  /** The empty record that ends a stream. */
  endStream(stream: 'params' | 'stdin'): void {
    this.#sendContent(stream, Buffer.alloc(0));
  }

  /** Holds back what `send` wrote until the end of this turn, to send small records in one packet. */
  cork(): void {
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes at once, whatever is under way: workers wait for this without limit. May be repeated. */
  close(): void {
    this.#closeWith(undefined);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('connect', () => this.#noteConnected());
    socket.on('data', (chunk) => this.#accept(chunk));
    socket.on('drain', () => this.#listener.onWritable());
    socket.on('error', (error) => this.#closeWith(this.#explain(error)));
    socket.on('close', () => this.#closeWith(this.#guard.isBetweenRecords ? undefined : this.#cut()));
  }

  #noteConnected(): void {
    if (this.#isClosed) return;
    this.#isConnected = true;
    this.#listener.onConnected();
  }

  #connect(): void {
    const socket = this.#socket;
    if (this.#address.kind === 'unix' && Buffer.byteLength(this.#address.path) > longestPath) {
      const error = Object.assign(new Error('path too long'), { code: 'ENAMETOOLONG' });
      process.nextTick(() => socket.destroy(error));
      return;
    }
    socket.connect(connectOptions(this.#address));
  }

  #accept(chunk: Buffer): void {
    try {
      for (const record of this.#guard.push(chunk)) {
        this.#feedLibrary(record);
        if (this.#isClosed) return;
      }
    } catch (error) {
      this.#closeWith(error instanceof RunfcgidError ? error : internalError(error));
    }
  }

  #receive(record: FastcgiRecord): void {
    const message = toMessage(record);
    if (message !== undefined) this.#listener.onMessage(message);
  }

  #sendContent(stream: OutgoingStream, content: Buffer): boolean {
    const id = stream === 'getValues' ? 0 : requestId;
    return this.#sendRecord(id, {
      TYPE: recordType[stream],
      getSize: () => content.length,
      write: (buffer) => content.copy(buffer),
    });
  }

  #sendRecord(id: number, record: FastcgiRecord): boolean {
    return this.#isClosed || this.#library.writeRecord(id, record);
  }

  #explain(error: NodeJS.ErrnoException): RunfcgidError {
    return this.#isConnected ? this.#cut(error) : unreachable(this.#address, error);
  }

  #cut(cause?: NodeJS.ErrnoException): RunfcgidError {
    const how = cause === undefined ? 'in the middle of a record' : `(${cause.code ?? cause.message})`;
    return new RunfcgidError(
      'FASTCGI_PROTOCOL',
      `${formatAddress(this.#address)} closed the connection ${how} before its answer was complete`,
      { hint: 'The worker probably died: look at its last output.', cause },
    );
  }

  #closeWith(error: RunfcgidError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#listener.onClosed(error);
  }
}

function toMessage(record: FastcgiRecord): Message | undefined {
  if (record instanceof StdOut) return { kind: 'stdout', data: bytesOf(record.data) };
  if (record instanceof StdErr) return { kind: 'stderr', data: bytesOf(record.data) };
  if (record instanceof EndRequest) {
    return { kind: 'end', appStatus: record.appStatus, protocolStatus: record.protocolStatus };
  }
  if (record instanceof GetValuesResult) return { kind: 'values', values: valuesOf(record.values) };
  if (record instanceof UnknownType) return { kind: 'unknown-type', type: record.type };
  return undefined;
}

function bytesOf(data: Buffer | ''): Buffer {
  return data === '' ? Buffer.alloc(0) : data;
}

function valuesOf(values: readonly (readonly [string, string] | string)[]): Map<string, string> {
  return new Map(values.map((pair) => (typeof pair === 'string' ? [pair, ''] : [pair[0], pair[1]])));
}

function connectOptions(address: SocketAddress): NetConnectOpts {
  if (address.kind === 'unix') return { path: address.path };
  return { host: address.host, port: address.port, family: address.family, noDelay: true };
}

function internalError(error: unknown): RunfcgidError {
  return new RunfcgidError('INTERNAL', `reading FastCGI records failed: ${describeError(error)}`, {
    cause: error,
  });
}
