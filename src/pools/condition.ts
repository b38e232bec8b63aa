import type { PoolState, WorkerStateName } from '../status/snapshot.ts';
import { isReady } from './worker-standing.ts';

export interface ConditionFacts {
  readonly intent: 'run' | 'stop';
  /** No generation is left. */
  readonly isEmpty: boolean;
  /** Workers that serve or shall serve: of the live generation, and of one that yields to it. */
  readonly workers: readonly WorkerStateName[];
  /** How many of them have to be ready. */
  readonly wanted: number;
  /** The pool gave up for now, or its sockets cannot be opened. */
  readonly hasGivenUp: boolean;
  /** All its workers were ready at some time since it was started. */
  readonly wasRunning: boolean;
}

/** A pool stores what it wants; what it is follows from what is there. */
export function poolState(facts: ConditionFacts): PoolState {
  if (facts.intent === 'stop') return facts.isEmpty ? 'stopped' : 'stopping';
  const ready = facts.workers.filter(isReady).length;
  if (ready > 0 && ready >= facts.wanted) return 'running';
  if (facts.hasGivenUp) return ready > 0 ? 'degraded' : 'failed';
  return facts.wasRunning && ready > 0 ? 'degraded' : 'starting';
}
