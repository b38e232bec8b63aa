import type { WorkerStateName } from '../status/snapshot.ts';

/** It serves; one that has reached a limit does so until another is ready in its place. */
export function isReady(state: WorkerStateName): boolean {
  return state === 'ready' || state === 'worn';
}

/** Neither here nor coming: nobody will serve what may still wait. */
export function isIdle(state: WorkerStateName): boolean {
  return state === 'stopped' || state === 'failed';
}

/**
 * A candidate's worker that is neither ready nor on its way has been lost. One that is being killed is waited for: why
 * is told when it has ended.
 */
export function isLost(state: WorkerStateName): boolean {
  return !isReady(state) && state !== 'starting' && state !== 'stopped' && state !== 'killing';
}

export function isEnding(state: WorkerStateName): boolean {
  return state === 'stopping' || state === 'killing' || state === 'stopped';
}
