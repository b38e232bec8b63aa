import type { Readable } from 'node:stream';
import type { Clock } from '../host/clock.ts';
import { LineSplitter, type OutputLine } from './lines.ts';

/** Bytes of one line that are kept, for the log. */
export const longestLogLine = 8 * 1024;

/** After this many bytes in a row, or when their lines have taken so long, be it in the middle of a chunk … */
const flood = { bytes: 256 * 1024, ms: 10 } as const;
/** A chunk may hold 65,536 lines, of which each costs some microseconds in the log. */
const linesBetweenLooks = 32;
/**
 * … a stream rests for so long, or for twice the time that they took: a worker that logs in a loop gets about 25 MB/s,
 * fewer where its lines are short, and the daemon stays awake.
 */
const floodPauseMs = 10;

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
export function readLines(reading: LineReading): Promise<void> {
  return new Promise((resolve) => void new LineReader(reading, resolve));
}

class LineReader {
  readonly #reading: LineReading;
  readonly #onEnd: () => void;
  readonly #splitter: LineSplitter;
  /** Lines of the last chunk that are still to be told; while there are any, nothing is read. */
  #waiting: Iterator<OutputLine, void> | undefined;
  #isOver = false;
  /** What was told without a rest. */
  #unbroken = { bytes: 0, ms: 0 };
  #lastToldMs: number;

  constructor(reading: LineReading, onEnd: () => void) {
    const { stream, longest, clock } = reading;
    this.#reading = reading;
    this.#onEnd = onEnd;
    this.#splitter = new LineSplitter(longest);
    this.#lastToldMs = clock.now();
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.once('close', () => this.#close());
    // A read error ends the stream as well: 'close' follows.
    stream.on('error', () => undefined);
  }

  #take(chunk: Buffer): void {
    if (this.#reading.clock.now() - this.#lastToldMs > floodPauseMs) this.#unbroken = { bytes: 0, ms: 0 };
    this.#unbroken.bytes += chunk.length;
    this.#tell(this.#splitter.push(chunk));
  }

  #tell(lines: Iterator<OutputLine, void>): void {
    const { clock } = this.#reading;
    const beganMs = clock.now();
    const isDone = this.#tellSome(lines, beganMs + flood.ms - this.#unbroken.ms);
    this.#lastToldMs = clock.now();
    this.#unbroken.ms += this.#lastToldMs - beganMs;
    this.#waiting = isDone ? undefined : lines;
    if (isDone && this.#isOver) this.#end();
    else if (!isDone || this.#isFlood()) this.#rest();
    else this.#reading.stream.resume();
  }

  /** False when time was up before the lines were. */
  #tellSome(lines: Iterator<OutputLine, void>, untilMs: number): boolean {
    const { clock, onLine } = this.#reading;
    for (let count = 1; ; count += 1) {
      const line = lines.next();
      if (line.done === true) return true;
      onLine(line.value);
      if (count % linesBetweenLooks === 0 && clock.now() >= untilMs) return false;
    }
  }

  #isFlood(): boolean {
    return this.#unbroken.bytes >= flood.bytes || this.#unbroken.ms >= flood.ms;
  }

  #rest(): void {
    const { stream, clock } = this.#reading;
    stream.pause();
    clock.at(this.#lastToldMs + Math.max(floodPauseMs, 2 * this.#unbroken.ms), () => {
      this.#unbroken = { bytes: 0, ms: 0 };
      if (this.#waiting === undefined) stream.resume();
      else this.#tell(this.#waiting);
    });
  }

  /** The end of the stream may be heard of while lines of its last chunk wait. */
  #close(): void {
    this.#isOver = true;
    if (this.#waiting === undefined) this.#end();
  }

  #end(): void {
    for (const line of this.#splitter.end()) this.#reading.onLine(line);
    this.#onEnd();
  }
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
