import { closeSync, openSync } from 'node:fs';
import { callKernel } from '../kernel.ts';
import { replaceDescriptor } from './processes.ts';
import { duplicate, getIntegerOption } from './sockets.ts';

const setDescriptorFlags = 2;
const closeOnExec = 1;
const option = { level: 1, type: 3 } as const;
const streamType = 1;

/**
 * True for a stream socket, false for one of another type (SO_TYPE, socket(7)).
 *
 * @throws RunfcgidError KERNEL when the descriptor is no socket, or closed.
 */
export function isStreamSocket(fd: number): boolean {
  return getIntegerOption(fd, option.level, option.type) === streamType;
}

/** Programs that are started from now on do not get the descriptor, unless it is handed to them. */
export function keepFromPrograms(fd: number): void {
  callKernel('fcntl', fd, setDescriptorFlags, 'int', closeOnExec);
}

/** The same open file under another number, close-on-exec; the descriptor leads to /dev/null afterwards. */
export function moveAside(fd: number): number {
  const copy = duplicate(fd);
  const nowhere = openSync('/dev/null', 'r');
  replaceDescriptor(fd, nowhere);
  closeSync(nowhere);
  return copy;
}
