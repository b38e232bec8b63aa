import type { WorkerStateName } from '../status/snapshot.ts';
import type { GenerationPhase } from './generation-state.ts';

/* What reconcile.ts decides from, and what it decides. */

export interface Observed {
  readonly nowMs: number;
  readonly intent: 'run' | 'stop';
  /** How many workers the live generation shall have. */
  readonly wanted: number;
  /** How many there may be beyond that while one generation replaces another. */
  readonly surge: number;
  /** The operator or a trigger wants new workers from the present plan. */
  readonly isReloadWanted: boolean;
  /** The live generation has not read the newest code or configuration. */
  readonly isOutdated: () => boolean;
  /** Early deaths have exceeded the restart intensity. */
  readonly isIntensityExceeded: boolean;
  /** Monotonic milliseconds before which the pool does not ask by itself for another reload of those it was refused. */
  readonly mayReloadAtMs: number;
  /** When a pool that gave up tries again; `undefined` when it has not given up. */
  readonly retryAtMs: number | undefined;
  /** When draining ends in any case in a pool that is to stop. */
  readonly drainByMs: number | undefined;
  readonly generations: readonly ObservedGeneration[];
}

export interface ObservedGeneration {
  readonly number: number;
  readonly phase: GenerationPhase;
  /** Workers that serve or shall serve. */
  readonly workers: readonly WorkerStateName[];
  /** Those that take over from worn workers when they are ready. */
  readonly successors: readonly WorkerStateName[];
  /** Number of workers with a process, those that leave included. */
  readonly present: number;
  /** A candidate that shall not get the address for its own sockets, but start once more on those of the live one. */
  readonly isShared: boolean;
  /** Of its address there can only be two sockets at a time, its own included. */
  readonly isExclusive: boolean;
  /** A connection waits on its sockets. */
  readonly hasQueued: () => boolean;
  /** Nothing is queued or accepted on the sockets that got nothing new, as far as the kernel tells. */
  readonly isDrained: boolean;
  /** When draining ends in any case. */
  readonly drainDeadlineMs: number | undefined;
}

export interface Decision {
  readonly actions: readonly Action[];
  readonly wakeAtMs: number | undefined;
}

export type Action =
  /** Open the first generation, live at once. */
  | { readonly do: 'open-live' }
  /** Open a generation to be proven. */
  | { readonly do: 'open-candidate' }
  /** New workers on the sockets of a live generation that serves nothing. */
  | { readonly do: 'renew'; readonly generation: number }
  /** The address moves to the proven generation. */
  | { readonly do: 'switch-to'; readonly generation: number }
  /** The proven code starts on the sockets that the live generation serves. */
  | { readonly do: 'join'; readonly generation: number }
  | { readonly do: 'refuse'; readonly generation: number }
  | { readonly do: 'withdraw'; readonly generation: number }
  | { readonly do: 'resize'; readonly generation: number; readonly size: number }
  | { readonly do: 'retire-one'; readonly generation: number }
  | { readonly do: 'stop-workers'; readonly generation: number }
  /** A worker that takes over from a worn one when it is ready. */
  | { readonly do: 'start-successor'; readonly generation: number }
  /** Successors that are ready take over, and those whose predecessor serves no more. */
  | { readonly do: 'relieve'; readonly generation: number }
  | { readonly do: 'drop-successors'; readonly generation: number }
  /** Others for workers that leave by themselves. */
  | { readonly do: 'fill'; readonly generation: number }
  /** New workers for worn ones by a reload, because the code on disk is another than theirs. */
  | { readonly do: 'reload-worn'; readonly generation: number }
  | { readonly do: 'start-workers'; readonly generation: number }
  | { readonly do: 'close'; readonly generation: number }
  /** Leave dead workers dead, because the code on disk is another than that of those which live, and reload. */
  | { readonly do: 'hold'; readonly generation: number }
  /** Stop trying for a while. */
  | { readonly do: 'give-up'; readonly generation: number };
