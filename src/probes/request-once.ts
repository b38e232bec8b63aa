import { Readable } from 'node:stream';
import type { SocketAddress } from '../config/address.ts';
import type { CgiHead } from './cgi-head.ts';
import { readCgiHead } from './cgi-response.ts';
import {
  type EndOfRequest,
  type FastcgiRequest,
  openRequest,
  type RequestOptions,
} from './fastcgi-request.ts';
import type { Param } from './name-value-pairs.ts';

export interface RequestOnceOptions extends Omit<RequestOptions, 'body' | 'onStderr'> {
  readonly body?: Buffer | undefined;
  /** How much of the response body is kept, in bytes. */
  readonly maxBodyBytes?: number | undefined;
}

export interface CollectedResponse {
  /** `undefined` when the application refused the request; `end` says how. */
  readonly head: CgiHead | undefined;
  readonly body: Buffer;
  /** The body was longer than asked for; the connection was closed and nobody knows how it would have ended. */
  readonly isBodyCut: boolean;
  /** The beginning of what came on the error stream, at most 64 KiB. */
  readonly stderr: string;
  readonly end: EndOfRequest | undefined;
}

const defaultMaxBodyBytes = 1024 * 1024;
const mostStderrBytes = 65_536;

/**
 * One request with a small answer, collected.
 *
 * @throws RunfcgidError FASTCGI_UNREACHABLE, FASTCGI_TIMEOUT, FASTCGI_PROTOCOL.
 */
export async function requestOnce(
  address: SocketAddress,
  params: readonly Param[],
  options: RequestOnceOptions = {},
): Promise<CollectedResponse> {
  const stderr = new Collector(mostStderrBytes);
  const request = await openRequest(address, params, {
    ...options,
    body: options.body && Readable.from([options.body]),
    onStderr: (data) => stderr.add(data),
  });
  const body = new Collector(options.maxBodyBytes ?? defaultMaxBodyBytes);
  try {
    const head = await readHeadUnlessRefused(request, address);
    for await (const chunk of request.stdout) {
      if (!body.add(chunk)) break;
    }
    if (body.isCut) request.close();
    const end = await request.ended;
    return { head, body: body.bytes(), isBodyCut: body.isCut, stderr: stderr.bytes().toString('utf8'), end };
  } finally {
    request.close();
  }
}

async function readHeadUnlessRefused(
  request: FastcgiRequest,
  address: SocketAddress,
): Promise<CgiHead | undefined> {
  try {
    return await readCgiHead(request.stdout, address);
  } catch (error) {
    const end = await request.ended;
    if (end === undefined || end.protocolStatus === 'complete') throw error;
    return undefined;
  }
}

class Collector {
  readonly #limit: number;
  readonly #parts: Buffer[] = [];
  #length = 0;
  isCut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False when not all of it was kept. */
  add(data: Buffer): boolean {
    const kept = data.subarray(0, this.#limit - this.#length);
    if (kept.length > 0) this.#parts.push(kept);
    this.#length += kept.length;
    this.isCut ||= kept.length < data.length;
    return !this.isCut;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
