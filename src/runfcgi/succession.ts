/** How daemons that serve the same addresses follow each other without a gap. */
export interface Succession {
  /**
   * The daemons before this one.
   *
   * @throws RunfcgidError DAEMON_RUNNING when one of them is not about to end.
   */
  predecessors(): Promise<Predecessors>;
  /** This daemon serves now; its predecessors may go. */
  takeOver(): void;
  /** This daemon has been told to end; another one may take over what it has. */
  beginEnd(): void;
  /** Resolves when this daemon may stop serving: another one serves, or none will. */
  awaitSuccessor(): Promise<void>;
  /** The daemon has ended. */
  release(): void;
}

export interface Predecessors {
  /** Pids of those that still finish, whose addresses and pidfile may be taken over. */
  readonly ending: readonly number[];
  /** Runtime directories of those that were killed. */
  readonly dead: readonly string[];
}
