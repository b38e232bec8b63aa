import { basename, relative } from 'node:path';

/** Something changed that calls for new workers; `file` fired, `others` changed with it. */
export interface TriggerEvent {
  /** `touch`: a trigger file; `watch`: a watched tree alone. */
  readonly cause: 'touch' | 'watch';
  /** Absolute path of the file that was seen first. */
  readonly file: string;
  /** How many further files changed. */
  readonly others: number;
  /** For people: `mysite.fcgi`, `blog/views.py and 12 more`. */
  readonly summary: string;
}

/** A file that changed, and the directory that people expect it to be named relative to. */
export interface Change {
  readonly cause: TriggerEvent['cause'];
  readonly file: string;
  readonly directory?: string;
}

/** One event for all `changes`, in the order they were seen. A trigger file is named before other files. */
export function eventFor(changes: readonly Change[]): TriggerEvent | undefined {
  const first = changes.find((change) => change.cause === 'touch') ?? changes[0];
  if (first === undefined) return undefined;
  const others = new Set(changes.map((change) => change.file)).size - 1;
  const name = shortName(first);
  const summary = others === 0 ? name : `${name} and ${others} more`;
  return { cause: first.cause, file: first.file, others, summary };
}

function shortName({ file, directory }: Change): string {
  const fromDirectory = directory === undefined ? '' : relative(directory, file);
  return fromDirectory === '' ? basename(file) : fromDirectory;
}
