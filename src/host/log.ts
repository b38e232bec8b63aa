/** Fields first, one lower-case sentence second; `event` names the line as `noun.verb`. */
export interface LogFields {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What the rest of the program knows of logging. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A log that adds `fields` (pool, worker, pid, generation …) to every line. */
  child(fields: Readonly<Record<string, unknown>>): Log;
}
