import type { Readable } from 'node:stream';
import { formatAddress, type SocketAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import type { CgiHead } from './cgi-head.ts';
import { CgiHeadReader } from './cgi-head-reader.ts';

/**
 * Takes the header off `stdout` and leaves the body in it, to be read or piped.
 *
 * @throws RunfcgidError FASTCGI_PROTOCOL when what comes is no CGI header, or the stream's own error. `stdout` is
 *   destroyed then.
 */
export function readCgiHead(stdout: Readable, address: SocketAddress): Promise<CgiHead> {
  const reader = new CgiHeadReader();
  return new Promise((resolve, reject) => {
    const onReadable = (): void => {
      try {
        const head = readSome(stdout, reader);
        if (head === undefined) return;
        stopListening();
        resolve(head);
      } catch (error) {
        if (error instanceof SyntaxError) fail(error.message, address);
        else onError(error);
      }
    };
    const onEnd = (): void =>
      fail(
        reader.isEmpty ? 'ended the request without an answer' : 'ended its answer within the header',
        address,
      );
    const onError = (error: unknown): void => {
      stopListening();
      stdout.destroy();
      reject(error);
    };
    // Only whoever holds the request closes it without an error and without an end.
    const onClose = (): void => onError(new Error('the request was closed before its answer'));
    const fail = (problem: string, peer: SocketAddress): void =>
      onError(
        new RunfcgidError('FASTCGI_PROTOCOL', `${formatAddress(peer)} ${problem}`, {
          hint: 'A CGI response is header lines such as "Content-Type: text/html", an empty line, and the body.',
        }),
      );
    const stopListening = (): void => {
      stdout.off('readable', onReadable).off('end', onEnd).off('error', onError).off('close', onClose);
    };
    stdout.on('readable', onReadable).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

function readSome(stdout: Readable, reader: CgiHeadReader): CgiHead | undefined {
  for (let chunk: Buffer | null = stdout.read(); chunk !== null; chunk = stdout.read()) {
    const found = reader.push(chunk);
    if (found === undefined) continue;
    if (found.rest.length > 0) stdout.unshift(found.rest);
    return found.head;
  }
  return undefined;
}
