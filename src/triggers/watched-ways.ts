import type { PathWatches } from './path-watches.ts';
import type { Polling } from './polling.ts';
import { mergedPoints, wayTo } from './waypoints.ts';

export interface WatchedWaysOptions {
  /** Absolute. */
  readonly paths: readonly string[];
  readonly watches: PathWatches;
  readonly polling: Polling;
}

/** A way that goes on changing is not followed for ever; its changes have left hints. */
const mostWalks = 5;

/**
 * Watches all ways to `paths`, and returns what is watched for it: nothing where polling is needed. What changes
 * while the watches are being set up goes unheard, so the ways are walked until two walks agree.
 */
export async function watchWays({ paths, watches, polling }: WatchedWaysOptions): Promise<readonly string[]> {
  let walked = '';
  let watched: readonly string[] = [];
  for (let walk = 0; walk < mostWalks; walk += 1) {
    const ways = await Promise.all(paths.map(wayTo));
    for (const { nearest } of ways) await polling.weigh(nearest);
    if (polling.isNeeded) return [];
    const points = mergedPoints(ways);
    const walkedNow = points.map((point) => `${point.inode} ${point.path}`).join('\n');
    if (walkedNow === walked) break;
    walked = walkedNow;
    watched = points.map((point) => point.path);
    for (const point of points) watches.renew(point);
  }
  return polling.isNeeded ? [] : watched;
}
