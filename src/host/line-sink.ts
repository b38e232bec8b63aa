import { closeSync, writeSync } from 'node:fs';
import { describeError, RunfcgidError } from '../errors.ts';
import type { Clock, Timer } from './clock.ts';
import { openGuardedLog } from './guarded-files.ts';

/** Bytes kept while they cannot be written; what comes after is counted as lost. */
const pendingLimit = 1024 * 1024;
const retryMs = 1_000;

const standardOutput = 1;

export interface LineSinkOptions {
  /** Opened for appending, created with mode 0640; `undefined`: standard output. */
  readonly file: string | undefined;
  /** How people name the file to us, for hints: `"log_file" in [daemon]`. */
  readonly setting: string;
  readonly clock: Clock;
  /** Called once writing works again after lines were lost. */
  readonly onLost: (lines: number, reason: string) => void;
}

/**
 * Writes lines synchronously, in order, and never throws: a full disk, a closed pipe or a slow reader must not
 * end the daemon. What cannot be written waits, up to a limit.
 */
export class LineSink {
  readonly #options: LineSinkOptions;
  #descriptor: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #lostLines = 0;
  #lostBecause = '';
  #retry: Timer | undefined;

  /** @throws RunfcgidError DAEMON_FILE_FAILED when the file cannot be opened. */
  constructor(options: LineSinkOptions) {
    this.#options = options;
    this.#descriptor = openForAppending(options);
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#pendingBytes > 0) this.flush();
    if (this.#pendingBytes + bytes.length > pendingLimit) {
      this.#lostLines += 1;
      return;
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.flush();
  }

  /** Tries to write everything that waits. */
  flush(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    try {
      this.#writePending();
    } catch (error) {
      this.#lostBecause = describeError(error);
      this.#retry = this.#options.clock.at(this.#options.clock.now() + retryMs, () => this.flush());
      return;
    }
    this.#reportLost();
  }

  /**
   * Opens the file again under its name, for logrotate(8). Standard output stays as it is.
   *
   * @throws RunfcgidError when that fails; the old file goes on being written.
   */
  reopen(): void {
    if (this.#options.file === undefined) return;
    const reopened = openForAppending(this.#options);
    this.flush();
    closeSync(this.#descriptor);
    this.#descriptor = reopened;
  }

  /** Writes what can be written and gives up the rest. */
  close(): void {
    this.flush();
    this.#retry?.cancel();
    if (this.#options.file !== undefined) closeSync(this.#descriptor);
  }

  #writePending(): void {
    for (let first = this.#pending[0]; first !== undefined; first = this.#pending[0]) {
      const written = writeSync(this.#descriptor, first);
      this.#pendingBytes -= written;
      if (written < first.length) this.#pending[0] = first.subarray(written);
      else this.#pending.shift();
    }
  }

  #reportLost(): void {
    if (this.#lostLines === 0) return;
    const lost = this.#lostLines;
    this.#lostLines = 0;
    this.#options.onLost(lost, this.#lostBecause);
  }
}

function openForAppending({ file, setting }: LineSinkOptions): number {
  if (file === undefined) return standardOutput;
  try {
    return openGuardedLog(file, 'lasting');
  } catch (error) {
    const refused = error instanceof RunfcgidError ? error.hint : undefined;
    const what = refused ?? `Make its directory and let the daemon's user write there.`;
    throw new RunfcgidError('DAEMON_FILE_FAILED', `the log file ${file} cannot be opened`, {
      cause: error,
      hint: `${what} Its place is set by ${setting}.`,
    });
  }
}

/** Why a file could not be opened, with the words of the system. */
export function whyNotOpened(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  return cause === undefined ? describeError(error) : `${describeError(error)}: ${describeError(cause)}`;
}
