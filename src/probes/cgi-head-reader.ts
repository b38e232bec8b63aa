import { type CgiHead, parseCgiHead } from './cgi-head.ts';

const longestHeadBytes = 65_536;
const mostLines = 1000;
const lineFeed = 10;
const carriageReturn = 13;

export interface HeadAndRest {
  readonly head: CgiHead;
  /** The beginning of the body that came in the same piece. */
  readonly rest: Buffer;
}

/**
 * Finds the header of a CGI response in pieces of any size. Lines end in LF or CRLF, an empty one ends the header;
 * at most 64 KiB and 1,000 lines.
 */
export class CgiHeadReader {
  #bytes = 0;
  #line: Buffer[] = [];
  readonly #lines: string[] = [];

  /** True when nothing has arrived yet. */
  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /**
   * The header once it is complete; `undefined` until then.
   *
   * @throws SyntaxError with a phrase about the application: "sent a header of more than 65536 bytes".
   */
  push(chunk: Buffer): HeadAndRest | undefined {
    let offset = 0;
    while (offset < chunk.length) {
      const end = chunk.indexOf(lineFeed, offset);
      const next = end === -1 ? chunk.length : end + 1;
      this.#count(next - offset);
      this.#line.push(Buffer.from(chunk.subarray(offset, next)));
      offset = next;
      if (end === -1) return undefined;
      const line = this.#takeLine();
      if (line === '') return { head: parseCgiHead(this.#lines), rest: chunk.subarray(offset) };
      this.#lines.push(line);
      if (this.#lines.length > mostLines)
        throw new SyntaxError(`sent a header of more than ${mostLines} lines`);
    }
    return undefined;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > longestHeadBytes) {
      throw new SyntaxError(`sent a header of more than ${longestHeadBytes} bytes`);
    }
  }

  #takeLine(): string {
    const bytes = Buffer.concat(this.#line);
    this.#line = [];
    const end = bytes.length - (bytes.at(-2) === carriageReturn ? 2 : 1);
    return bytes.toString('latin1', 0, end);
  }
}
