import { closeSync, constants, openSync, readSync } from 'node:fs';
import { RunfcgidError } from '../errors.ts';

const chunkBytes = 64 * 1024;

/**
 * The text of an open file or pipe, from where it stands to its end.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when it has more than `mostBytes`, or the system's error.
 */
export function readWholeText(descriptor: number, mostBytes: number): string {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(chunkBytes);
  for (let total = 0; ; ) {
    const length = readSync(descriptor, chunk);
    if (length === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(Buffer.from(chunk.subarray(0, length)));
    total += length;
    if (total > mostBytes) {
      throw new RunfcgidError(
        'DAEMON_FILE_FAILED',
        `expected at most ${mostBytes / 2 ** 20} MiB, found more`,
        {
          hint: 'See whether it is the right file.',
        },
      );
    }
  }
}

/**
 * What a file begins with, as bytes; a FIFO is not waited for.
 *
 * @throws the system's error.
 */
export function readBeginning(path: string, mostBytes: number): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const beginning = Buffer.alloc(mostBytes);
    return beginning.toString('latin1', 0, readSync(descriptor, beginning, 0, mostBytes, 0));
  } finally {
    closeSync(descriptor);
  }
}
