import type {
  Commands,
  OnProgress,
  PoolOutcome,
  PoolVerb,
  Reconfiguration,
  StopVerb,
} from '../pools/commands.ts';
import type { StatusSnapshot } from '../status/snapshot.ts';
import { parseNothing, parsePools, parseRestart, parseScale } from './bodies.ts';

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
 * end one `{"outcomes":[…]}` (of a new configuration with `"notes":[…]`) or `{"error":{…}}`.
 */
export interface WorkRoute {
  readonly isReadOnly: false;
  readonly method: 'POST';
  work(commands: Commands, body: string, onProgress: OnProgress): Promise<WorkResult>;
}

type WorkResult = Pick<Reconfiguration, 'outcomes'> & Partial<Reconfiguration>;
type Work = (commands: Commands, body: string, onProgress: OnProgress) => Promise<readonly PoolOutcome[]>;

export const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/v1/status', { isReadOnly: true, method: 'GET', read: (commands) => commands.status() }],
  ['/v1/pools/start', runs('start')],
  ['/v1/pools/stop', runs('stop')],
  ['/v1/pools/kill', runs('kill')],
  ['/v1/pools/reload', runs('reload')],
  [
    '/v1/pools/restart',
    works((commands, body, onProgress) => {
      const { pools, stopBy } = parseRestart(body);
      return stopBy === undefined
        ? commands.run('restart', pools, onProgress)
        : commands.restartHard(pools, stopBy, onProgress);
    }),
  ],
  [
    '/v1/pools/scale',
    works((commands, body, onProgress) => {
      const { pool, workers } = parseScale(body);
      return commands.scale(pool, workers, onProgress);
    }),
  ],
  ['/v1/pools/take-back', works((commands, body) => commands.takeBack(parsePools(body)))],
  [
    '/v1/daemon/reconfigure',
    {
      isReadOnly: false,
      method: 'POST',
      work: async (commands, body, onProgress) => {
        parseNothing(body);
        return commands.reconfigure(onProgress);
      },
    },
  ],
  ['/v1/daemon/stop', shutsDown('stop')],
  ['/v1/daemon/kill', shutsDown('kill')],
]);

function runs(verb: PoolVerb): WorkRoute {
  return works((commands, body, onProgress) => commands.run(verb, parsePools(body), onProgress));
}

function shutsDown(how: StopVerb): WorkRoute {
  return works((commands, body, onProgress) => {
    parseNothing(body);
    return commands.shutDown(how, onProgress);
  });
}

function works(work: Work): WorkRoute {
  return {
    isReadOnly: false,
    method: 'POST',
    work: async (...request) => ({ outcomes: await work(...request) }),
  };
}
