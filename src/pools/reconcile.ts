import type { WorkerStateName } from '../status/snapshot.ts';
import type { GenerationPhase } from './generation-state.ts';

/**
 * What a pool should do next, from what is wanted and what is there.
 *
 * Runs after every event. It decides and does nothing; the pool carries the actions out in order and asks again
 * when something has happened or `wakeAtMs` has come. Asking twice without anything having happened gives the
 * same actions, and every action is safe to carry out twice.
 */
export function reconcile(observed: Observed): Decision {
  const actions = [
    ...observed.generations.flatMap((generation) => tend(generation, observed)),
    ...begin(observed),
    ...giveUp(observed),
    ...tryAgain(observed),
  ];
  return { actions, wakeAtMs: nearestDeadline(observed) };
}

export interface Observed {
  readonly nowMs: number;
  readonly intent: 'run' | 'stop';
  /** The operator or a trigger wants new workers from the present plan. */
  readonly isReloadWanted: boolean;
  /** Early deaths have exceeded the restart intensity. */
  readonly isIntensityExceeded: boolean;
  /** When a pool that gave up tries again; `undefined` when it has not given up. */
  readonly retryAtMs: number | undefined;
  readonly generations: readonly ObservedGeneration[];
}

export interface ObservedGeneration {
  readonly number: number;
  readonly phase: GenerationPhase;
  readonly workers: readonly WorkerStateName[];
  /** No process is left, stray descendants included. */
  readonly isEmpty: boolean;
  /** Nothing is queued or accepted, as far as the kernel tells. Only looked at while draining. */
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
  /** New workers on the sockets of a live generation that serves nothing. */
  | { readonly do: 'renew'; readonly generation: number }
  /** Open a generation to be proven. */
  | { readonly do: 'open-candidate' }
  | { readonly do: 'switch-to'; readonly generation: number }
  | { readonly do: 'refuse'; readonly generation: number }
  | { readonly do: 'withdraw'; readonly generation: number }
  | { readonly do: 'stop-workers'; readonly generation: number }
  | { readonly do: 'start-workers'; readonly generation: number }
  | { readonly do: 'close'; readonly generation: number }
  /** Stop trying for a while. */
  | { readonly do: 'give-up'; readonly generation: number };

function tend(generation: ObservedGeneration, observed: Observed): Action[] {
  const { number } = generation;
  switch (generation.phase) {
    case 'proving':
      if (observed.intent === 'stop') return [{ do: 'withdraw', generation: number }];
      if (generation.workers.some(isLost)) return [{ do: 'refuse', generation: number }];
      return generation.workers.every(isReady) ? [{ do: 'switch-to', generation: number }] : [];
    case 'live':
      if (observed.intent === 'stop') return [{ do: 'withdraw', generation: number }];
      return generation.workers.includes('stopped') ? [{ do: 'start-workers', generation: number }] : [];
    case 'draining':
      return isDrainOver(generation, observed) ? [{ do: 'stop-workers', generation: number }] : [];
    case 'stopping':
    case 'refused':
      if (generation.isEmpty) return [{ do: 'close', generation: number }];
      return generation.workers.every(isEnding) ? [] : [{ do: 'stop-workers', generation: number }];
    case 'gone':
      return [];
  }
}

function begin(observed: Observed): Action[] {
  if (observed.intent === 'stop') return [];
  const live = observed.generations.find(({ phase }) => phase === 'live');
  const hasCandidate = observed.generations.some(({ phase }) => phase === 'proving');
  if (live === undefined) {
    return observed.retryAtMs === undefined || observed.isReloadWanted ? [{ do: 'open-live' }] : [];
  }
  if (!observed.isReloadWanted || hasCandidate) return [];
  return live.workers.includes('ready')
    ? [{ do: 'open-candidate' }]
    : [{ do: 'renew', generation: live.number }];
}

function giveUp(observed: Observed): Action[] {
  if (!observed.isIntensityExceeded) return [];
  return observed.generations
    .filter(({ phase, workers }) => phase === 'live' && workers.includes('backoff'))
    .map(({ number }) => ({ do: 'give-up', generation: number }));
}

function tryAgain(observed: Observed): Action[] {
  if (observed.intent === 'stop' || observed.retryAtMs === undefined || observed.nowMs < observed.retryAtMs) {
    return [];
  }
  const live = observed.generations.find(({ phase }) => phase === 'live');
  return [live === undefined ? { do: 'open-live' } : { do: 'start-workers', generation: live.number }];
}

function nearestDeadline(observed: Observed): number | undefined {
  const deadlines = [
    observed.intent === 'run' ? observed.retryAtMs : undefined,
    ...observed.generations.map(({ phase, drainDeadlineMs }) =>
      phase === 'draining' ? drainDeadlineMs : undefined,
    ),
  ].filter((deadlineMs) => deadlineMs !== undefined && deadlineMs > observed.nowMs);
  return deadlines.length === 0 ? undefined : Math.min(...(deadlines as number[]));
}

function isDrainOver(generation: ObservedGeneration, { intent, nowMs }: Observed): boolean {
  if (generation.isDrained || (generation.drainDeadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs) return true;
  return intent === 'stop' ? !generation.workers.includes('ready') : generation.workers.every(isIdle);
}

function isReady(state: WorkerStateName): boolean {
  return state === 'ready';
}

/** Neither here nor coming: nobody will serve what may still wait. */
function isIdle(state: WorkerStateName): boolean {
  return state === 'stopped' || state === 'failed';
}

/** A candidate's worker that is neither ready nor on its way has been lost. */
function isLost(state: WorkerStateName): boolean {
  return state !== 'ready' && state !== 'starting' && state !== 'stopped';
}

function isEnding(state: WorkerStateName): boolean {
  return state === 'stopping' || state === 'killing' || state === 'stopped';
}
