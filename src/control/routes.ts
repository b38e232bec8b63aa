import { RunfcgidError } from '../errors.ts';
import type { Commands, OnProgress, PoolOutcome, PoolVerb } from '../pools/commands.ts';
import type { StatusSnapshot } from '../status/snapshot.ts';

/** The control API, version 1. A path under it never changes its meaning; new things get new paths. */
export type Route = ReadRoute | WorkRoute;

/** Answers at once with one JSON document and changes nothing. */
export interface ReadRoute {
  readonly isReadOnly: true;
  readonly method: 'GET';
  read(commands: Commands): Promise<StatusSnapshot>;
}

/**
 * Works for a while: answers with JSON lines (application/x-ndjson), any number of `{"progress":{…}}` and at the
 * end one `{"outcomes":[…]}` or `{"error":{…}}`.
 */
export interface WorkRoute {
  readonly isReadOnly: false;
  readonly method: 'POST';
  work(commands: Commands, body: string, onProgress: OnProgress): Promise<readonly PoolOutcome[]>;
}

export const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/v1/status', { isReadOnly: true, method: 'GET', read: (commands) => commands.status() }],
  ['/v1/pools/start', poolRoute('start')],
  ['/v1/pools/stop', poolRoute('stop')],
  ['/v1/pools/restart', poolRoute('restart')],
  [
    '/v1/daemon/stop',
    {
      isReadOnly: false,
      method: 'POST',
      work: (commands, _body, onProgress) => commands.shutDown(onProgress),
    },
  ],
]);

function poolRoute(verb: PoolVerb): WorkRoute {
  return {
    isReadOnly: false,
    method: 'POST',
    work: (commands, body, onProgress) => commands.run(verb, parsePools(body), onProgress),
  };
}

/**
 * Reads `{"pools": ["a", "b"]}` or `{"pools": "all"}`.
 *
 * @throws RunfcgidError USAGE for anything else.
 */
export function parsePools(body: string): readonly string[] | 'all' {
  const pools = poolsOf(parseJson(body));
  if (pools === 'all') return 'all';
  if (!Array.isArray(pools) || pools.length === 0 || !pools.every((pool) => typeof pool === 'string')) {
    throw new RunfcgidError('USAGE', 'the request names no pools', {
      hint: 'Send {"pools": "all"} or {"pools": ["NAME", …]}.',
    });
  }
  return [...new Set(pools)];
}

function poolsOf(request: unknown): unknown {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw new RunfcgidError('USAGE', 'the body of the request is not a JSON object');
  }
  const unknown = Object.keys(request).find((key) => key !== 'pools');
  if (unknown !== undefined) {
    throw new RunfcgidError('USAGE', `the request has an unknown key "${unknown}"`, {
      hint: 'Only "pools" is known here.',
    });
  }
  return 'pools' in request ? request.pools : undefined;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new RunfcgidError('USAGE', 'the body of the request is not JSON', {
      cause: error,
      hint: 'Send {"pools": "all"} or {"pools": ["NAME", …]}.',
    });
  }
}
