import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { describeError } from '../errors.ts';
import type { Log } from '../host/log.ts';
import { openWithSpare } from '../host/spare-descriptors.ts';
import { markerFamily } from './marker.ts';

/** A worker that lives now, by what proves later that it still is the same. */
export interface LedgerEntry {
  readonly pid: number;
  /** Clock ticks after boot. */
  readonly startTime: number;
  readonly pool: string;
  /** What the environment of its whole tree carries. */
  readonly marker: string;
}

/** What a daemon has written down. */
export interface Ledger {
  /** Digits that the markers of all its workers have (marker.ts); `undefined` where nothing was written down. */
  readonly family: string | undefined;
  readonly workers: readonly LedgerEntry[];
}

export const nobodys: Ledger = { family: undefined, workers: [] };

/** More than 5,000 workers would need; a larger file is not ours. */
const largestFile = 1024 * 1024;

/**
 * The workers of this daemon in a file, for the daemon that comes after it should it be killed: then nobody else knows
 * them. Written anew at each change, atomically, mode 0600. What all their markers have is there before the first of
 * them is started, since a worker can be written down only after its start.
 */
export class WorkerLedger {
  readonly #path: string;
  readonly #log: Log;
  readonly #entries = new Map<number, LedgerEntry>();
  #hasBegun = false;
  #hasEnded = false;
  #isBroken = false;
  #isDue = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** To be called before a worker is started; writes at the first time only. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#save();
  }

  /** The daemon ends. Workers that it could not end stay written down. */
  end(): void {
    if (!this.#hasBegun) return;
    this.#hasEnded = true;
    this.#saveSoon();
  }

  add(entry: LedgerEntry): void {
    this.#entries.set(entry.pid, entry);
    this.#saveSoon();
  }

  /** Does nothing for a process that is not in the ledger (any more). */
  remove({ pid, startTime }: Pick<LedgerEntry, 'pid' | 'startTime'>): void {
    if (this.#entries.get(pid)?.startTime !== startTime) return;
    this.#entries.delete(pid);
    this.#saveSoon();
  }

  /** Once for all workers that are started or seen to be gone in one go. */
  #saveSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.#save());
  }

  #save(): void {
    this.#isDue = false;
    try {
      const workers = [...this.#entries.values()];
      if (this.#hasEnded && workers.length === 0) rmSync(this.#path, { force: true });
      else writeLedger(this.#path, { family: markerFamily(), workers });
      this.#isBroken = false;
    } catch (error) {
      // The workers serve all the same; once is enough to say so.
      if (!this.#isBroken) this.#warn(error);
      this.#isBroken = true;
    }
  }

  #warn(error: unknown): void {
    this.#log.warn(
      { event: 'ledger.failed', file: this.#path, error: describeError(error) },
      'the list of workers cannot be written: should this daemon be killed, the next one will not find them',
    );
  }
}

/**
 * The ledger that an earlier daemon left; when there is no file, one of nobody. A file that somebody else could have
 * written, or that is damaged, is not believed.
 *
 * @throws SyntaxError with what is wrong with the file.
 */
export function readLedger(path: string): Ledger {
  const text = readOwnFile(path);
  return text === undefined ? nobodys : parseLedger(text);
}

/** @throws SyntaxError when the text is not the whole of a ledger. */
export function parseLedger(text: string): Ledger {
  const value: unknown = JSON.parse(text);
  const { family, workers } = isRecord(value) ? value : {};
  if (family !== undefined && !isFamily(family)) throw new SyntaxError('its "family" is damaged');
  if (!Array.isArray(workers)) throw new SyntaxError('it has no list "workers"');
  if (!workers.every(isEntry)) throw new SyntaxError('an entry of "workers" is damaged');
  return {
    family,
    workers: workers.map(({ pid, startTime, pool, marker }) => ({ pid, startTime, pool, marker })),
  };
}

function writeLedger(path: string, ledger: Ledger): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const text = `${JSON.stringify(ledger)}\n`;
  openWithSpare(() => writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' }));
  renameSync(temporary, path);
}

function readOwnFile(path: string): string | undefined {
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO that somebody put there must not wait for its writer (fifo(7)).
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SyntaxError(`it cannot be opened: ${describeError(error)}`);
  }
  try {
    const { uid, mode, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new SyntaxError('it is not a regular file');
    if (uid !== process.geteuid?.()) throw new SyntaxError(`it belongs to user ${uid}`);
    if ((mode & 0o022) !== 0) throw new SyntaxError('other users may write to it');
    if (size > largestFile) throw new SyntaxError(`it has ${size} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function isEntry(value: unknown): value is LedgerEntry {
  if (!isRecord(value)) return false;
  const { pid, startTime, pool, marker } = value;
  return isWhole(pid, 2) && isWhole(startTime, 0) && typeof pool === 'string' && isMarker(marker);
}

/** As many digits as nobody has by chance. */
function isFamily(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16,}$/.test(value);
}

/** `pool/1:` and at least 16 random digits: a marker that others could carry by chance is none. */
function isMarker(value: unknown): value is string {
  return typeof value === 'string' && /^[^\0\n]+:[0-9a-f]{16,}$/.test(value);
}

function isWhole(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
