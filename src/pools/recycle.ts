import type { WorkerStateName } from '../status/snapshot.ts';
import type { Action, Observed, ObservedGeneration } from './observation.ts';
import { isReady } from './worker-standing.ts';

/*
 * How the live generation replaces workers that have reached a limit (worker-vocabulary.ts, `worn`). They serve until a
 * successor is ready, so that there are never fewer workers than before, and no more of them beyond the wanted ones than
 * the surge. Where code or configuration has changed since, the successors are a new generation, with proof. Pure.
 */

export function recycle(generation: ObservedGeneration, observed: Observed): Action[] {
  const { number, successors } = generation;
  if (withoutSuccessor(generation) === 0 && !successors.includes('backoff')) return [];
  if (observed.isReloadWanted || observed.generations.some(({ phase }) => phase === 'proving')) return [];
  if (!observed.isOutdated()) {
    const isNext = withoutSuccessor(generation) > 0 && hasRoom(observed);
    return isNext ? [{ do: 'start-successor', generation: number }] : [];
  }
  // One that died would come back with other code than the generation has.
  if (successors.includes('backoff')) return [{ do: 'drop-successors', generation: number }];
  return mayReload(observed) ? [{ do: 'reload-worn', generation: number }] : [];
}

/** None is asked for or under way, and the last one was not refused just now. */
export function mayReload({ isReloadWanted, generations, nowMs, mayReloadAtMs }: Observed): boolean {
  return !isReloadWanted && nowMs >= mayReloadAtMs && !generations.some(({ phase }) => phase === 'proving');
}

/** A successor is ready, or its predecessor serves no more. */
export function isRelieved(
  workers: readonly WorkerStateName[],
  successors: readonly WorkerStateName[],
): boolean {
  return successors.some(isReady) || successors.length > countWorn(workers);
}

/** When a reload that was refused is wanted again, for worn workers or for those that are held back. */
export function reloadDeadline({ intent, generations, mayReloadAtMs }: Observed): number | undefined {
  const isWanted = generations.some(
    (generation) =>
      generation.phase === 'live' &&
      (withoutSuccessor(generation) > 0 || generation.workers.includes('failed')),
  );
  return intent === 'run' && isWanted && mayReloadAtMs !== Number.POSITIVE_INFINITY
    ? mayReloadAtMs
    : undefined;
}

function withoutSuccessor({ workers, successors }: ObservedGeneration): number {
  return countWorn(workers) - successors.length;
}

function countWorn(workers: readonly WorkerStateName[]): number {
  return workers.filter((state) => state === 'worn').length;
}

/** One more process may be there beside the wanted ones. */
function hasRoom({ generations, wanted, surge }: Observed): boolean {
  return generations.reduce((sum, { present }) => sum + present, 0) < wanted + surge;
}
