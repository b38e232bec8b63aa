import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

export interface RequestBody {
  /** In bytes; `undefined` when the request has no body. */
  readonly length: number | undefined;
  readonly stream: Readable | undefined;
  /** Frees what was spooled. */
  dispose(): Promise<void>;
}

/** A body that came in chunks is kept in memory up to here, and in a nameless file beyond. */
const memoryLimit = 1024 * 1024;

/** The body in chunks was longer than the gateway is willing to keep. */
export class BodyTooLarge extends Error {}

/**
 * A body with a length is streamed. One in chunks is collected first, because FastCGI applications read
 * CONTENT_LENGTH bytes (nginx does the same), at most `maxSpooledBytes` of it.
 *
 * @throws BodyTooLarge; the request's own error when the client leaves.
 */
export async function prepareBody(request: IncomingMessage, maxSpooledBytes: number): Promise<RequestBody> {
  const length = request.headers['content-length'];
  if (request.headers['transfer-encoding'] !== undefined) return spool(request, maxSpooledBytes);
  if (length === undefined) return { length: undefined, stream: undefined, dispose: async () => {} };
  return { length: Number(length), stream: request, dispose: async () => {} };
}

async function spool(request: IncomingMessage, maxSpooledBytes: number): Promise<RequestBody> {
  const inMemory: Buffer[] = [];
  let length = 0;
  let file: FileHandle | undefined;
  try {
    // Without destroyOnReturn the loop would take the client's connection away with the refusal unsent.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      length += chunk.length;
      if (length > maxSpooledBytes)
        throw new BodyTooLarge(`a body in chunks of more than ${maxSpooledBytes} bytes`);
      if (file === undefined && length > memoryLimit) {
        file = await openNameless();
        await file.writeFile(Buffer.concat(inMemory.splice(0)));
      }
      if (file === undefined) inMemory.push(chunk);
      else await file.writeFile(chunk);
    }
  } catch (error) {
    await file?.close();
    throw error;
  }
  if (file === undefined) {
    return { length, stream: Readable.from(inMemory), dispose: async () => {} };
  }
  const spooled = file;
  return {
    length,
    stream: spooled.createReadStream({ start: 0, autoClose: false }),
    dispose: () => spooled.close(),
  };
}

/** A file without a name leaves nothing behind, however the gateway ends. */
async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `fcgictl-gateway-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}
