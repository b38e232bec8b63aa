import type { Readable } from 'node:stream';
import type { Clock } from '../host/clock.ts';

/** Bytes of one line that are kept, for the log. */
export const longestLogLine = 8 * 1024;

/** After this many bytes in a row, or when their lines have taken so long … */
const flood = { bytes: 256 * 1024, ms: 10 } as const;
/**
 * … a stream rests for so long, or for twice the time that they took: a worker that logs in a loop gets about 25 MB/s,
 * fewer where its lines are short, and the daemon stays awake.
 */
const floodPauseMs = 10;

export interface OutputLine {
  /** Without its line end; bytes that are not UTF-8 are replaced by U+FFFD. */
  readonly text: string;
  /** Bytes left out at its end because the line was too long. */
  readonly cutBytes: number;
}

/** Bytes to lines, whatever the chunks; holds no more than `longest` bytes. */
export class LineSplitter {
  readonly #longest: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #cutBytes = 0;

  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that `chunk` completes. */
  push(chunk: Buffer): readonly OutputLine[] {
    const lines: OutputLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The last line, when it lacks its line end. */
  end(): readonly OutputLine[] {
    return this.#keptBytes > 0 ? [this.#take()] : [];
  }

  #keep(bytes: Buffer): void {
    const kept = bytes.subarray(0, this.#longest - this.#keptBytes);
    this.#cutBytes += bytes.length - kept.length;
    this.#keptBytes += kept.length;
    // A copy: a slice of a few bytes would keep the whole chunk alive.
    if (kept.length > 0) this.#kept.push(Buffer.from(kept));
  }

  #take(): OutputLine {
    const line = decode(Buffer.concat(this.#kept), this.#cutBytes);
    this.#kept = [];
    this.#keptBytes = 0;
    this.#cutBytes = 0;
    return line;
  }
}

/** A line as it is shown: one that was cut says so. */
export function showLine({ text, cutBytes }: OutputLine): string {
  return cutBytes === 0 ? text : `${text} … (${cutBytes} more bytes cut)`;
}

export interface LineReading {
  readonly stream: Readable;
  readonly longest: number;
  readonly clock: Clock;
  readonly onLine: (line: OutputLine) => void;
}

/**
 * Reads a stream line by line to its end. A flood is slowed down by not reading, which fills the pipe and makes the
 * writer wait: nothing is lost and nothing is hoarded.
 *
 * @returns a promise that resolves at the end of the stream; it never rejects.
 */
export function readLines({ stream, longest, clock, onLine }: LineReading): Promise<void> {
  const splitter = new LineSplitter(longest);
  let unbroken = { bytes: 0, ms: 0 };
  let lastReadMs = clock.now();
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      const readMs = clock.now();
      for (const line of splitter.push(chunk)) onLine(line);
      const nowMs = clock.now();
      const { bytes, ms } = readMs - lastReadMs > floodPauseMs ? { bytes: 0, ms: 0 } : unbroken;
      unbroken = { bytes: bytes + chunk.length, ms: ms + nowMs - readMs };
      lastReadMs = nowMs;
      if (unbroken.bytes < flood.bytes && unbroken.ms < flood.ms) return;
      stream.pause();
      clock.at(nowMs + Math.max(floodPauseMs, 2 * unbroken.ms), () => stream.resume());
      unbroken = { bytes: 0, ms: 0 };
    });
    stream.once('close', () => {
      for (const line of splitter.end()) onLine(line);
      resolve();
    });
    // A read error ends the stream as well: 'close' follows.
    stream.on('error', () => undefined);
  });
}

/** How long a worker's last output is waited for when a descendant of it keeps the pipes open. */
const lastOutputMs = 100;

/** Resolves when `outputEnd` does, or a moment later at most. */
export function endOrMoment(outputEnd: Promise<unknown>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.at(clock.now() + lastOutputMs, resolve);
    void outputEnd.then(() => {
      timer.cancel();
      resolve();
    });
  });
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

function decode(bytes: Buffer, cutBytes: number): OutputLine {
  const isDos = cutBytes === 0 && bytes.at(-1) === carriageReturn;
  const end = cutBytes > 0 ? wholeCharacters(bytes) : bytes.length - (isDos ? 1 : 0);
  return {
    text: bytes.toString('utf8', 0, end),
    cutBytes: cutBytes + (cutBytes > 0 ? bytes.length - end : 0),
  };
}

/** Length without a UTF-8 sequence that a cut left incomplete (RFC 3629: at most 4 bytes, the first says how many). */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes.readUInt8(bytes.length - back);
    if (byte >= 0xc0) return sequenceLength(byte) > back ? bytes.length - back : bytes.length;
    if (byte < 0x80) return bytes.length;
  }
  return bytes.length;
}

function sequenceLength(first: number): number {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}
