import { appendFileSync, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Log } from './log.ts';

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Appends a text of whole lines to a log file beside the daemon's own, created with mode 0640. It is open only
 * meanwhile: entries are rare, logrotate(8) needs to tell nobody, and the pool that wrote to it may be gone. What
 * cannot be written goes to the daemon's log instead. Never throws.
 */
export function appendToLogFile(file: string, text: string, log: Log): void {
  try {
    append(file, text);
  } catch (error) {
    const reason = `the log file ${file} cannot be written: ${describeError(error)}`;
    log.error({ event: 'log.failed', file, reason, text }, `${reason}; what it was to get is in "text"`);
  }
}

/** Workers of another user may have put something else there: a link to any file, or a FIFO that nobody reads (fifo(7)). */
function append(file: string, text: string): void {
  const descriptor = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o640);
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error('it is not a regular file');
    appendFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}
