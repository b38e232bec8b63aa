import { closeSync, constants, openSync } from 'node:fs';
import { atDestination, type Destination, FileRefused, throwRefusal } from './destination.ts';
import { type FileInDirectory, type Refusal, refuseToAppend, refuseToRead } from './file-trust.ts';
import type { HeldFile } from './held-file.ts';
import { readWholeText } from './whole-text.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** Not even a lease of another process is waited for (fcntl(2)). */
const append = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY;

/** Somebody may make and remove a file all the time, to be in our way. */
const attempts = 10;

/**
 * The text of a file that another user may have put there, read with our rights by the rule of file-trust.ts.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when it is refused, or the system's error.
 */
export function readGuardedText(path: string, mostBytes: number): string {
  return atDestination(path, ({ file, directory, absence }) => {
    if (file === undefined) throw absence;
    throwRefusal(refuseToRead(placeOf(file, directory)));
    const descriptor = openSync(file.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    try {
      return readWholeText(descriptor, mostBytes);
    } finally {
      closeSync(descriptor);
    }
  });
}

/**
 * Opens a log for appending, made with mode 0640 where there is none, by the rule of file-trust.ts. It never blocks: a
 * FIFO or a terminal that takes no more answers EAGAIN.
 *
 * @param use `lasting`: a FIFO may wait for its first reader; `once`: it has one now.
 * @throws RunfcgidError DAEMON_FILE_FAILED when it is refused, or the system's error.
 */
export function openGuardedLog(path: string, use: 'lasting' | 'once'): number {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return atDestination(path, (destination) => openAt(destination, use));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || attempt === attempts) throw error;
    }
  }
}

/**
 * Why the daemon would refuse a log; `undefined` also where the system itself would say no, and for a descriptor such as
 * /dev/stdout, which is another one in the daemon. Nothing is made or opened.
 */
export function refusalOfLog(path: string): Refusal | undefined {
  try {
    return atDestination(path, (destination) =>
      destination.isDescriptor ? undefined : refusalAt(destination),
    );
  } catch (error) {
    return error instanceof FileRefused ? error.refusal : undefined;
  }
}

/** Why nothing would be made below a directory; `undefined` also where the system itself would say no. */
export function refusalOfDirectory(path: string): Refusal | undefined {
  try {
    return atDestination(path, () => undefined);
  } catch (error) {
    return error instanceof FileRefused ? error.refusal : undefined;
  }
}

function openAt(destination: Destination, use: 'lasting' | 'once'): number {
  const { directory, name, file } = destination;
  if (file === undefined) return openSync(`${directory.path}/${name}`, append | O_CREAT | O_EXCL, 0o640);
  throwRefusal(refusalAt(destination));
  try {
    return openSync(file.path, append);
  } catch (error) {
    if (codeOf(error) !== 'ENXIO' || use === 'once' || !file.stats.isFIFO()) throw error;
    // Nobody reads it yet: opened for both, it keeps what is written until somebody does (fifo(7)).
    return openSync(file.path, O_RDWR | O_APPEND | O_NONBLOCK);
  }
}

function refusalAt({ file, directory, isDescriptor }: Destination): Refusal | undefined {
  return file === undefined ? undefined : refuseToAppend(placeOf(file, directory), isDescriptor);
}

function placeOf(file: HeldFile, directory: HeldFile): FileInDirectory {
  return { file: file.stats, directory: directory.stats, ownUid: process.geteuid?.() ?? 0 };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
