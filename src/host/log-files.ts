import { describeError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { LineSink } from './line-sink.ts';
import type { Log } from './log.ts';

/** Log files beside the daemon's own, by their paths. Each is opened when something is first written to it. */
export class LogFiles {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sinks = new Map<string, LineSink>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Writes a text of whole lines. What cannot be written goes to the daemon's log instead. */
  append(file: string, text: string): void {
    try {
      this.#sinkOf(file).write(text);
    } catch (error) {
      const reason = describeFailure(error);
      this.#log.error(
        { event: 'log.failed', file, reason, text },
        `${reason}; what it was to get is in "text"`,
      );
    }
  }

  /** Opens the files again under their names (logrotate(8)). */
  reopen(): void {
    for (const [file, sink] of this.#sinks) {
      try {
        sink.reopen();
      } catch (error) {
        this.#log.error(
          { event: 'log.reopen-failed', file, reason: describeError(error) },
          'the file stays as it was',
        );
      }
    }
  }

  close(): void {
    for (const sink of this.#sinks.values()) sink.close();
    this.#sinks.clear();
  }

  #sinkOf(file: string): LineSink {
    const known = this.#sinks.get(file);
    if (known !== undefined) return known;
    const sink = new LineSink({
      file,
      clock: this.#clock,
      onLost: (lines, reason) =>
        this.#log.warn({ event: 'log.lost', file, lines, reason }, `${lines} entries were lost`),
    });
    this.#sinks.set(file, sink);
    return sink;
  }
}

/** With the words of the system, which say what to mend. */
function describeFailure(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${describeError(error.cause)}` : '';
  return `${describeError(error)}${cause}`;
}
