import type { Log, LogFields, OutputFields } from '../../src/host/log.ts';

export interface LoggedLine extends LogFields {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/** Keeps every line, with the fields of its children, for assertions. */
export class FakeLog implements Log {
  readonly lines: LoggedLine[];
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(lines: LoggedLine[] = [], fields: Readonly<Record<string, unknown>> = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  debug(fields: LogFields, message: string): void {
    this.lines.push({ ...this.#fields, ...fields, level: 'debug', message });
  }

  info(fields: LogFields, message: string): void {
    this.lines.push({ ...this.#fields, ...fields, level: 'info', message });
  }

  warn(fields: LogFields, message: string): void {
    this.lines.push({ ...this.#fields, ...fields, level: 'warn', message });
  }

  error(fields: LogFields, message: string): void {
    this.lines.push({ ...this.#fields, ...fields, level: 'error', message });
  }

  output(fields: OutputFields, line: string): void {
    this.info({ event: 'worker.output', ...fields }, line);
  }

  child(fields: Readonly<Record<string, unknown>>): Log {
    return new FakeLog(this.lines, { ...this.#fields, ...fields });
  }

  /** The lines with this event name. */
  of(event: string): LoggedLine[] {
    return this.lines.filter((line) => line.event === event);
  }
}
