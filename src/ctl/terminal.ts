import type { Clock, Timer } from '../host/clock.ts';
import type { PoolProgress } from '../pools/commands.ts';

/** How long nobody needs to be told anything, where lines cannot be rewritten. */
const quietMs = 1_000;
/** For a pseudo-terminal that nobody gave a size: it says 0. */
const usualWidth = 80;

export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface TerminalOptions {
  readonly output: OutputStream;
  readonly errors: OutputStream;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

/**
 * What the client prints, and where: results to standard output; progress and complaints to standard error.
 * Progress is one line that is rewritten on a terminal, and plain lines elsewhere, once it takes longer than a
 * second.
 */
export class Terminal {
  readonly #options: TerminalOptions;
  readonly #startedMs: number;
  #isLineOpen = false;
  #lastProgress = '';
  /** For what was told in the quiet time, should nothing follow. */
  #timer: Timer | undefined;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
  }

  /** Standard output is a terminal that may show colours (no-color.org). */
  get hasColours(): boolean {
    const { output, environment } = this.#options;
    return output.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
  }

  /** Of standard output, in characters; `undefined` when that is no terminal. */
  get width(): number | undefined {
    const { output } = this.#options;
    return output.isTTY === true ? output.columns || usualWidth : undefined;
  }

  print(text: string): void {
    this.#clearLine();
    this.#options.output.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  complain(text: string): void {
    this.#clearLine();
    this.#options.errors.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  progress({ pool, message }: PoolProgress): void {
    this.announce(`${pool}: ${message}`);
  }

  /** Something that is under way. */
  announce(text: string): void {
    const { errors, clock } = this.#options;
    if (errors.isTTY) {
      this.#clearLine();
      errors.write(text.slice(0, (errors.columns || usualWidth) - 1));
      this.#isLineOpen = true;
    } else {
      this.#timer?.cancel();
      this.#timer = undefined;
      if (clock.now() - this.#startedMs > quietMs) this.#writeProgress(text);
      else this.#timer = clock.at(this.#startedMs + quietMs + 1, () => this.#writeProgress(text));
    }
  }

  /** Takes an unfinished progress line away. */
  finish(): void {
    this.#clearLine();
  }

  #writeProgress(text: string): void {
    if (text === this.#lastProgress) return;
    this.#options.errors.write(`${text}\n`);
    this.#lastProgress = text;
  }

  #clearLine(): void {
    this.#timer?.cancel();
    if (!this.#isLineOpen) return;
    // Carriage return, then erase to the end of the line (console_codes(4)).
    this.#options.errors.write('\r\u001b[K');
    this.#isLineOpen = false;
  }
}
