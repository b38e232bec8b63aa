import { RunfcgidError } from '../errors.ts';
import type { Pool } from './pool.ts';
import type { Selection } from './selection.ts';

/**
 * The one pool that was selected by its name, if it can have that many workers.
 *
 * @throws RunfcgidError USAGE
 */
export function scalable({ pools: [pool] }: Selection, name: string, workers: number): Pool {
  if (pool === undefined) {
    throw new RunfcgidError('USAGE', `pool "${name}" cannot be scaled: its configuration has problems`);
  }
  const fewest = pool.plan.listen.length;
  if (workers >= fewest) return pool;
  throw new RunfcgidError('USAGE', `pool "${name}" cannot have ${workers} workers`, {
    hint: `It listens on ${fewest} addresses, and each needs a worker. "fcgictl stop ${name}" stops it.`,
  });
}
