/** Something that a dry run found: a `problem` would keep a pool or the daemon from working. */
export interface CheckFinding {
  readonly severity: 'problem' | 'warning';
  /** `undefined`: the daemon, or the configuration as a whole. */
  readonly pool: string | undefined;
  /** The setting it is about. Empty when the message names file, line and key itself. */
  readonly key: string;
  readonly message: string;
  /** What to do now, as a whole sentence. */
  readonly hint?: string;
}

/** What the single checks return; whoever runs them knows the pool. */
export type PoolFinding = Omit<CheckFinding, 'pool'>;
