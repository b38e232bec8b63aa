import type { PoolSnapshot, WorkerSnapshot } from '../status/snapshot.ts';
import { requestFields } from '../workers/request-text.ts';
import type { ShownSlot } from '../workers/scoreboard.ts';
import type { Pool } from './pool.ts';
import type { RequestRecord } from './request-record.ts';

/** What has happened to the requests of a pool, where its program shows them. */
export function requestsOf({
  plan,
  record,
}: Pool): Pick<PoolSnapshot, 'cutRequests' | 'lastCut' | 'timeouts' | 'lastTimeout'> {
  if (plan.worker.engine === undefined)
    return { cutRequests: null, lastCut: null, timeouts: null, lastTimeout: null };
  const { cut, timeouts } = record.requests;
  return {
    cutRequests: cut,
    lastCut: lastCutOf(record.requests),
    timeouts: { ...timeouts },
    lastTimeout: lastTimeoutOf(record.requests),
  };
}

function lastCutOf({ lastCut }: RequestRecord): PoolSnapshot['lastCut'] {
  if (lastCut === undefined) return null;
  const { at, worker, request } = lastCut;
  return { at: at.toISOString(), worker, method: request.method, uri: request.uri };
}

function lastTimeoutOf({ lastTimeout }: RequestRecord): PoolSnapshot['lastTimeout'] {
  if (lastTimeout === undefined) return null;
  const { at, worker, how, request } = lastTimeout;
  const { method, uri, ageMs } = request;
  return { at: at.toISOString(), worker, how, method, uri, ageMs: Math.round(ageMs) };
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
