import { printable } from './printable.ts';
import { formatElapsed } from './quantities.ts';
import type { PoolSnapshot, TimeoutsSnapshot } from './snapshot.ts';

const ends: readonly (readonly [keyof TimeoutsSnapshot, string])[] = [
  ['interrupted', 'interrupted'],
  ['left', 'left behind'],
  ['killed', 'ended with its worker'],
];

/**
 * `shop: 2 requests cut by the end of their worker, the last (shop/1) 5m ago: GET /report`; nothing where there was
 * none, or none is known.
 *
 * @param elapsedSince as below.
 */
export function describeCutRequests(
  { name, cutRequests, lastCut }: PoolSnapshot,
  elapsedSince: (at: string) => string,
): readonly string[] {
  if (cutRequests === null || lastCut === null) return [];
  const { at, worker, method, uri } = lastCut;
  const what = `${counted(cutRequests)} cut by the end of ${cutRequests === 1 ? 'its' : 'their'} worker`;
  const request = `${method} ${uri}`.trim();
  const last = `the last (${worker}) ${elapsedSince(at)} ago${request === '' ? '' : `: ${printable(request)}`}`;
  return [`${name}: ${what}, ${last}`];
}

/**
 * `shop: 3 requests took too long (2 interrupted, 1 left behind), the last (shop/1, 31s) 5m ago: GET /report`
 *
 * @param elapsedSince for people, from a moment in ISO 8601 until now.
 */
export function describeTimeouts(
  { name, timeouts, lastTimeout }: PoolSnapshot,
  elapsedSince: (at: string) => string,
): readonly string[] {
  if (timeouts === null || lastTimeout === null) return [];
  const all = timeouts.interrupted + timeouts.left + timeouts.killed;
  const parts = ends.flatMap(([end, words]) => (timeouts[end] > 0 ? [`${timeouts[end]} ${words}`] : []));
  const { at, worker, method, uri, ageMs } = lastTimeout;
  const last = `the last (${worker}, after ${formatElapsed(ageMs)}) ${elapsedSince(at)} ago`;
  return [
    `${name}: ${counted(all)} took too long (${parts.join(', ')}), ${last}: ${printable(`${method} ${uri}`)}`,
  ];
}

function counted(requests: number): string {
  return `${requests} ${requests === 1 ? 'request' : 'requests'}`;
}
