import type { Problem } from './problem.ts';
import type { DaemonSettings, PoolSettings } from './settings.ts';

/** What the files say, checked key by key, and not yet compared with the machine. */
export interface Config {
  /** Every file that was read, the main one first. */
  readonly files: readonly string[];
  readonly daemon: DaemonConfig;
  readonly pools: readonly PoolConfig[];
  /** Included files of which nothing can be used. */
  readonly broken: readonly BrokenFile[];
  /** Problems of the whole: no daemon can start with them. */
  readonly problems: readonly Problem[];
}

export interface DaemonConfig {
  readonly file: string | undefined;
  readonly directory: string;
  readonly settings: DaemonSettings;
}

export interface PoolConfig {
  readonly name: string;
  readonly file: string | undefined;
  /** Relative paths of this pool start here. */
  readonly directory: string;
  readonly settings: PoolSettings;
  /** The pool is refused when there are any. */
  readonly problems: readonly Problem[];
}

export interface BrokenFile {
  /** What to call the pool that the file was meant for: its name without the ending. */
  readonly name: string;
  readonly problem: Problem;
}
