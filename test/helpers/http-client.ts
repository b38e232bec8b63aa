import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** One HTTP request, on a connection of its own unless an agent is given, with the answer collected. */
export async function ask(
  url: string,
  options: RequestOptions = {},
  body?: Readable | Buffer | string,
): Promise<HttpAnswer> {
  const outgoing = request(url, { agent: false, ...options });
  const answered = once(outgoing, 'response');
  // A server may answer and close before it has read the body; what counts is its answer.
  outgoing.on('error', () => {});
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body);
  else pipeline(body, outgoing).catch(() => {});
  const [incoming] = (await answered) as [IncomingMessage];
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body: await buffer(incoming),
  };
}

/** Sends bytes as they are and resolves with all that comes back until the server closes. */
export async function askRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes, 'latin1');
  return (await buffer(socket)).toString('latin1');
}
