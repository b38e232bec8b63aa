import { appendFileSync, closeSync } from 'node:fs';
import { describeError, RunfcgidError } from '../errors.ts';
import { openGuardedLog } from './guarded-files.ts';
import type { Log } from './log.ts';

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
    const hint = error instanceof RunfcgidError ? error.hint : undefined;
    log.error(
      { event: 'log.failed', file, reason, hint, text },
      `${reason}; what it was to get is in "text"`,
    );
  }
}

function append(file: string, text: string): void {
  const descriptor = openGuardedLog(file, 'once');
  try {
    appendFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}
