/** Where a key stands in a TOML document: table names, keys and list positions from the root. */
export type KeyPath = readonly (string | number)[];

/** A place in a configuration; `file` is undefined for what came from the command line. */
export interface Place {
  readonly file: string | undefined;
  readonly path: KeyPath;
}

/** One thing that is wrong, or doubtful, in a configuration. Files give it a line later (location.ts). */
export interface Problem extends Place {
  /** What was expected and what was found. */
  readonly message: string;
  /** What to do about it, where that is not obvious. */
  readonly hint?: string | undefined;
  /** The other place that the message speaks of, for example the first of two equal addresses. */
  readonly elsewhere?: Place | undefined;
  /** Known already when the document itself cannot be parsed. */
  readonly position?: Position | undefined;
}

/** Both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}
