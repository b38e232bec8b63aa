/** Something that a dry run found: a `problem` would keep a pool or the daemon from working. */
export interface CheckFinding {
  readonly severity: 'problem' | 'warning';
  /** `undefined`: the daemon, or the configuration as a whole. */
  readonly pool: string | undefined;
  /** The setting it is about, below the pool where there is one; empty where it is about none. */
  readonly key: string;
  /** Begins with file, line, column and key where `file` is there. */
  readonly message: string;
  readonly file?: string;
  /** Both count from 1. */
  readonly line?: number;
  readonly column?: number;
  /** What to do now, as a whole sentence. */
  readonly hint?: string;
}

/** What the single checks return; whoever runs them knows the pool. */
export type PoolFinding = Omit<CheckFinding, 'pool'>;
