import type { Action, Decision, Observed, ObservedGeneration } from './observation.ts';
import { isRelieved, mayReload, recycle, reloadDeadline } from './recycle.ts';
import { isEnding, isIdle, isLost, isReady } from './worker-standing.ts';

/**
 * What a pool should do next, from what is wanted and what is there.
 *
 * Runs after every event. It decides and does nothing; the pool carries the actions out in order and asks again when
 * something has happened or `wakeAtMs` has come. Asking twice in a row gives the same, and no action harms twice.
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

function tend(generation: ObservedGeneration, observed: Observed): Action[] {
  const { number } = generation;
  switch (generation.phase) {
    case 'proving':
      return tendCandidate(generation, observed);
    case 'live':
      return tendLive(generation, observed);
    case 'draining':
      if (isDrainOver(generation, observed)) return [{ do: 'stop-workers', generation: number }];
      return makesRoom(generation, observed) ? [{ do: 'retire-one', generation: number }] : [];
    case 'yielding':
      return tendYielding(generation, observed);
    case 'stopping':
    case 'refused':
      if (generation.present === 0) return [{ do: 'close', generation: number }];
      return generation.workers.every(isEnding) ? [] : [{ do: 'stop-workers', generation: number }];
    case 'gone':
      return [];
  }
}

function tendCandidate({ number, workers, isShared }: ObservedGeneration, { intent }: Observed): Action[] {
  if (intent === 'stop') return [{ do: 'withdraw', generation: number }];
  if (workers.some(isLost)) return [{ do: 'refuse', generation: number }];
  if (!workers.every(isReady)) return [];
  return [{ do: isShared ? 'join' : 'switch-to', generation: number }];
}

function tendLive(generation: ObservedGeneration, observed: Observed): Action[] {
  const { number, workers, successors } = generation;
  if (observed.intent === 'stop') return [{ do: 'withdraw', generation: number }];
  // Whoever took over counts as a worker before anything else is decided.
  if (isRelieved(workers, successors)) return [{ do: 'relieve', generation: number }];
  const size = liveSize(generation, observed);
  const mayResize = size <= workers.length || !wouldSmuggle(generation, observed);
  if (size !== workers.length && mayResize) return [{ do: 'resize', generation: number, size }];
  const isServing = workers.some(isReady);
  const isShort = workers.includes('backoff') || workers.includes('retiring');
  if (isShort && isServing && observed.isOutdated()) return [{ do: 'hold', generation: number }];
  if (workers.includes('retiring')) return [{ do: 'fill', generation: number }];
  if (workers.includes('stopped') || isAbandoned(generation, observed)) {
    return [{ do: 'start-workers', generation: number }];
  }
  if (isHeld(generation, observed)) return mayReload(observed) ? [{ do: 'hold', generation: number }] : [];
  return recycle(generation, observed);
}

/** Workers that were held back, and nobody is left whose code they could betray, or the code is that of the others. */
function isAbandoned(generation: ObservedGeneration, observed: Observed): boolean {
  return isHeld(generation, observed) && !(generation.workers.some(isReady) && observed.isOutdated());
}

/** Workers are missing, and it was not given up to start them. */
function isHeld({ workers }: ObservedGeneration, observed: Observed): boolean {
  return observed.retryAtMs === undefined && workers.includes('failed') && !observed.isIntensityExceeded;
}

/**
 * More workers would bring code to the address that was not proven. While one generation replaces another, that which
 * was proven a moment ago grows all the same.
 */
function wouldSmuggle({ number, workers }: ObservedGeneration, observed: Observed): boolean {
  const isAlone = observed.generations.every(
    (other) => other.number === number || other.phase === 'proving' || other.phase === 'refused',
  );
  return isAlone && workers.some(isReady) && observed.isOutdated();
}

/** As many as wanted, less the old workers that are still there, plus the surge; never fewer than now. */
function liveSize({ number, workers }: ObservedGeneration, { generations, wanted, surge }: Observed): number {
  if (workers.length > wanted) return wanted;
  const others = generations
    .filter((other) => other.number !== number)
    .reduce((sum, { present }) => sum + present, 0);
  return Math.min(wanted, Math.max(workers.length, wanted + surge - others));
}

/** With a small surge the old workers go one by one, while others of them serve what still waits. */
function makesRoom(generation: ObservedGeneration, { intent, wanted, surge }: Observed): boolean {
  return (
    intent === 'run' &&
    surge < wanted &&
    generation.workers.length > 1 &&
    generation.present === generation.workers.length &&
    !generation.hasQueued()
  );
}

/** Its workers go as new ones become ready for theirs; all at once when nobody comes after them. */
function tendYielding(generation: ObservedGeneration, observed: Observed): Action[] {
  const { number, present, workers } = generation;
  if (present === 0) return [{ do: 'stop-workers', generation: number }];
  if (workers.length === 0 || hasOwnQueue(generation, observed)) return [];
  if (observed.intent === 'stop') return [{ do: 'resize', generation: number, size: 0 }];
  return mayYield(generation, observed) ? [{ do: 'retire-one', generation: number }] : [];
}

/** The oldest first, but one that is not ready serves nothing, and would come back with other code than it had. */
function mayYield(generation: ObservedGeneration, { generations, wanted }: Observed): boolean {
  if (!generation.workers.every(isReady)) return true;
  const live = generations.filter(({ phase }) => phase === 'live');
  const old = generations.filter(({ phase, workers }) => phase === 'yielding' && workers.length > 0);
  const ready = [...live, ...old].flatMap(({ workers }) => workers).filter(isReady).length;
  return old[0] === generation && ready > wanted;
}

/** It was moved from an address where connections may still wait for it. */
function hasOwnQueue(generation: ObservedGeneration, observed: Observed): boolean {
  const deadlineMs = drainDeadline(generation, observed);
  return deadlineMs !== undefined && !generation.isDrained && observed.nowMs < deadlineMs;
}

/** With more old generations that long connections hold back, a reload waits: their processes fill the memory. */
const mostLeaving = 4;
/** Of sockets of one TCP port (sockets/steering-group.ts). */
const mostExclusive = 2;

function begin(observed: Observed): Action[] {
  if (observed.intent === 'stop') return [];
  const live = observed.generations.find(({ phase }) => phase === 'live');
  if (live === undefined) {
    const isFull = leaving(observed).filter(({ isExclusive }) => isExclusive).length >= mostExclusive;
    if (isFull || (observed.retryAtMs !== undefined && !observed.isReloadWanted)) return [];
    return [{ do: 'open-live' }];
  }
  if (!observed.isReloadWanted || observed.generations.some(isInTheWay)) return [];
  if (leaving(observed).length >= mostLeaving) return [];
  return live.workers.some(isReady) ? [{ do: 'open-candidate' }] : [{ do: 'renew', generation: live.number }];
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
    reloadDeadline(observed),
    ...observed.generations.map((generation) => drainDeadline(generation, observed)),
  ].flatMap((deadlineMs) => (deadlineMs !== undefined && deadlineMs > observed.nowMs ? [deadlineMs] : []));
  return deadlines.length === 0 ? undefined : Math.min(...deadlines);
}

function isDrainOver(generation: ObservedGeneration, observed: Observed): boolean {
  const deadlineMs = drainDeadline(generation, observed) ?? Number.POSITIVE_INFINITY;
  if (generation.isDrained || deadlineMs <= observed.nowMs) return true;
  return observed.intent === 'stop' ? !generation.workers.some(isReady) : generation.workers.every(isIdle);
}

/** When it is over in any case; `undefined` of a generation that does not drain. */
function drainDeadline(
  { phase, drainDeadlineMs }: ObservedGeneration,
  { drainByMs = Number.POSITIVE_INFINITY }: Observed,
): number | undefined {
  if (drainDeadlineMs === undefined || (phase !== 'draining' && phase !== 'yielding')) return undefined;
  return Math.min(drainDeadlineMs, drainByMs);
}

/** Generations that are on their way out. */
function leaving({ generations }: Observed): readonly ObservedGeneration[] {
  return generations.filter(({ phase }) => phase !== 'live' && phase !== 'proving' && phase !== 'gone');
}

/** A candidate must not be opened beside it. */
function isInTheWay({ phase, isExclusive }: ObservedGeneration): boolean {
  if (phase === 'proving') return true;
  return isExclusive && phase !== 'live' && phase !== 'gone';
}
