import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ControlClient } from '../../src/control/client.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { PoolSnapshot } from '../../src/status/snapshot.ts';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { Workspace } from '../helpers/workspace.ts';

const workers = 3;
const fixtures = `${repository}/test/fixtures`;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

interface Served {
  readonly load: SteadyLoad;
  look(): Promise<PoolSnapshot>;
}

/** A pool that is under load from the beginning. */
async function serve(program: string, limit: string, clients: number): Promise<Served> {
  const listen = `unix:${workspace.file('site.sock')}`;
  const config = writeConfig(
    workspace,
    `
[pools.site]
${program}
listen = "${listen}"
workers = ${workers}
${limit}
`,
  );
  await TestDaemon.start(workspace, config);
  const nginx = await startNginx(workspace, listen);
  const path = (count: number): string => `/page?number=${count}`;
  const load = new SteadyLoad({ nginx, clients, path });
  workspace.onClose(() => load.stop());
  const socketPath = workspace.file('run/control.sock');
  const client = new ControlClient({ socketPath, timeoutMs: 60_000, clock: systemClock });
  const look = async (): Promise<PoolSnapshot> => {
    const [pool] = (await client.status()).pools;
    if (pool === undefined) throw new Error('there is no pool');
    return pool;
  };
  return { load, look };
}

interface Watched {
  readonly last: PoolSnapshot;
  /** All that ever served. */
  readonly pids: ReadonlySet<number>;
  readonly fewestReady: number;
  readonly mostPresent: number;
}

/** Looks all the time until so many workers were recycled. */
async function watch({ look }: Served, recycled: number): Promise<Watched> {
  const pids = new Set<number>();
  const ready: number[] = [];
  const present: number[] = [];
  const endMs = performance.now() + 300_000;
  for (;;) {
    const last = await look();
    ready.push(last.workersReady);
    present.push(last.workers.filter(({ pid }) => pid !== null).length);
    for (const { pid } of last.workers) if (pid !== null) pids.add(pid);
    if (last.recycled >= recycled) {
      return { last, pids, fewestReady: Math.min(...ready), mostPresent: Math.max(...present) };
    }
    if (performance.now() > endMs) throw new Error(`only ${JSON.stringify(last)}`);
    await sleep(20);
  }
}

const engine = ({ more = '', words = '' } = {}) =>
  `wsgi = { application = "leaks_memory:application", python = "/usr/bin/python3"${words} }
directory = "${fixtures}"
${more}`;
const foreign = (fixture: string) => `command = ["${fixtures}/${fixture}"]`;

const oneByOne = 'max_age = "3s"\nsurge = 1';
const overMemory = 'max_memory = "60M"';
const noMoment = 'max_age = "4s"\ngraceful_timeout = "1s"';

interface Row {
  readonly title: string;
  readonly program: string;
  readonly limit: string;
  readonly clients: number;
  readonly reason: string;
  readonly mostPresent: number;
}

const rows: readonly Row[] = [
  {
    title: 'of the engine that grow old go one after another',
    program: engine(),
    limit: oneByOne,
    clients: 8,
    reason: 'max_age',
    mostPresent: workers + 1,
  },
  {
    title: 'of the engine that have answered enough requests go',
    program: engine({ words: ', max_requests = 200' }),
    limit: '',
    clients: 8,
    reason: 'max_requests',
    mostPresent: 2 * workers,
  },
  {
    title: 'with threads that have answered enough requests go',
    program: engine({ words: ', method = "threaded", threads = 4, max_requests = 200' }),
    limit: 'surge = 1',
    clients: 8,
    reason: 'max_requests',
    mostPresent: workers + 1,
  },
  {
    title: 'of a foreign program that grow old go one after another',
    program: foreign('aborts-on-sigterm'),
    limit: oneByOne,
    clients: 2,
    reason: 'max_age',
    mostPresent: workers + 1,
  },
  {
    title: 'of a foreign program that grow old and have no moment to leave at go all together',
    program: foreign('aborts-on-sigterm'),
    limit: noMoment,
    clients: 32,
    reason: 'max_age',
    mostPresent: 3 * workers,
  },
  {
    title: 'of the engine that have too much memory go',
    program: engine({ more: 'environment = { LEAKS = "yes" }' }),
    limit: overMemory,
    clients: 8,
    reason: 'max_memory',
    mostPresent: 2 * workers,
  },
  {
    title: 'of a foreign program that have too much memory go',
    program: foreign('leaks-memory'),
    limit: overMemory,
    clients: 2,
    reason: 'max_memory',
    mostPresent: 2 * workers,
  },
];

const titled = rows.map((row) => [row.title, row] as const);

test.each(titled)('workers %s, and others are there before: no request is lost', async (_, row) => {
  const served = await serve(row.program, row.limit, row.clients);
  const { last, pids, fewestReady, mostPresent } = await watch(served, 2 * workers);
  const { ok = 0, ...lost } = await served.load.stop();
  expect(lost, served.load.complaints.join('\n')).toEqual({});
  expect(ok).toBeGreaterThan(100);
  expect(fewestReady).toBe(workers);
  expect(mostPresent).toBeLessThanOrEqual(row.mostPresent);
  expect(pids.size).toBeGreaterThan(workers);
  expect(last).toMatchObject({ restarts: 0, lastExit: null, lastRecycling: { reason: row.reason } });
});
