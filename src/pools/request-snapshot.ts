import type { PoolSnapshot, WorkerSnapshot } from '../status/snapshot.ts';
import { requestFields } from '../workers/request-text.ts';
import type { ShownSlot } from '../workers/scoreboard.ts';
import type { Pool } from './pool.ts';

/** What has happened to the requests of a pool, where its program shows them. */
export function requestsOf({
  plan,
  record,
}: Pool): Pick<PoolSnapshot, 'cutRequests' | 'timeouts' | 'lastTimeout'> {
  if (plan.worker.engine === undefined) return { cutRequests: null, timeouts: null, lastTimeout: null };
  const { cut, timeouts, lastTimeout: last } = record.requests;
  if (last === undefined) return { cutRequests: cut, timeouts: { ...timeouts }, lastTimeout: null };
  const { at, worker, how, request } = last;
  const { method, uri, ageMs } = request;
  return {
    cutRequests: cut,
    timeouts: { ...timeouts },
    lastTimeout: { at: at.toISOString(), worker, how, method, uri, ageMs: Math.round(ageMs) },
  };
}

/** What a worker does now; `undefined` slots: its program does not show it. */
export function activityOf(
  slots: readonly ShownSlot[] | undefined,
): Pick<WorkerSnapshot, 'requests' | 'busy' | 'current'> {
  if (slots === undefined) return { requests: null, busy: null, current: null };
  const current = slots
    .flatMap(({ request }) => request ?? [])
    .map(requestFields)
    .sort((one, other) => other.ageMs - one.ageMs);
  const begun = slots.reduce((sum, { number }) => sum + number, 0);
  return { requests: Math.max(0, begun - current.length), busy: current.length, current };
}
