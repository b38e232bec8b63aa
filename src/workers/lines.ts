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

  /** The lines that `chunk` completes, each made when it is asked for; all of them before the next chunk. */
  *push(chunk: Buffer): Generator<OutputLine, void> {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      this.#keep(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
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
