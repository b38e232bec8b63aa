import type { Socket } from 'node:net';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON. */
  readonly body?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** The lines of the body as they come. */
  readonly lines: AsyncGenerator<string>;
}

const longestHead = 64 * 1024;

/** The other end does not speak HTTP, or stopped in the middle. */
export class HttpBreach extends Error {}

/**
 * One request on a connection of its own, in HTTP/1.0 (RFC 1945): the answer comes without chunks and ends with the
 * connection. node:http would be a fifth of what `fcgictl status` takes.
 *
 * @throws HttpBreach, or the error of the socket; so does reading the lines.
 */
export async function ask(socket: Socket, { method, path, body = '' }: HttpRequest): Promise<HttpAnswer> {
  socket.setEncoding('utf8');
  const head = [
    `${method} ${path} HTTP/1.0`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  const chunks = (socket as AsyncIterable<string>)[Symbol.asyncIterator]();
  let text = '';
  for (;;) {
    const end = text.indexOf('\r\n\r\n');
    if (end >= 0) {
      const rest = text.slice(end + '\r\n\r\n'.length);
      return { status: statusOf(text), lines: readLines(rest, chunks, lengthOf(text.slice(0, end))) };
    }
    if (text.length > longestHead) throw new HttpBreach('something that is not HTTP');
    const { done, value } = await chunks.next();
    if (done) throw new HttpBreach(text === '' ? 'nothing' : 'something that is not HTTP');
    text += value;
  }
}

async function* readLines(
  first: string,
  chunks: AsyncIterator<string>,
  length: number | undefined,
): AsyncGenerator<string> {
  let rest = '';
  let bytes = 0;
  for (let chunk: string | undefined = first; chunk !== undefined; chunk = await nextChunk(chunks)) {
    bytes += Buffer.byteLength(chunk);
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
  if (length !== undefined && bytes < length) throw new HttpBreach('an answer that ends half-way');
  if (rest !== '') yield rest;
}

async function nextChunk(chunks: AsyncIterator<string>): Promise<string | undefined> {
  const { done, value } = await chunks.next();
  return done ? undefined : value;
}

function statusOf(text: string): number {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  if (status === undefined) throw new HttpBreach('something that is not HTTP');
  return Number(status);
}

function lengthOf(head: string): number | undefined {
  const length = /^Content-Length: *(\d+)/im.exec(head)?.[1];
  return length === undefined ? undefined : Number(length);
}
