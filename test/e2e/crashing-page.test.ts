import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeError } from '../../src/errors.ts';
import { requestOnce } from '../../src/probes/request-once.ts';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const crashes = 30;
const clients = 4;
/** Of the pool, before a worker that died early is started again: whoever had to wait for that would wait in vain. */
const delay = '10m';
const longestMs = 60_000;
const cut = expect.stringMatching(/^cut: /);

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  writeFileSync(
    workspace.file('shop.py'),
    `
import os

def application(environ, start_response):
    if environ["PATH_INFO"] == "/exit/":
        os._exit(3)
    start_response("200 OK", [])
    return [b"good"]
`,
  );
});

afterEach(() => workspace.close());

async function serve(settings: string, backoff: string): Promise<TestDaemon> {
  const pool = `
[pools.site]
directory = "${workspace.path}"
wsgi = { application = "shop:application" ${settings} }
environment = { PYTHONDONTWRITEBYTECODE = "1" }
proof = { level = "request", path = "/" }
listen = "unix:${workspace.file('site.sock')}"
workers = 2
max_restarts = 1
backoff_initial = "${backoff}"
backoff_max = "${delay}"
`;
  const daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
  await until(async () => (await daemon.pool('site')).state === 'running');
  return daemon;
}

/** What came of it, and how long it took in milliseconds. */
async function ask(path: string): Promise<{ body: string; tookMs: number }> {
  const startedAt = performance.now();
  const params = Object.entries({
    REQUEST_METHOD: 'GET',
    REQUEST_URI: path,
    PATH_INFO: path,
    SCRIPT_NAME: '',
  });
  const address = { kind: 'unix', path: workspace.file('site.sock') } as const;
  const body = await requestOnce(address, params).then(
    (response) => response.body.toString(),
    (error: unknown) => `cut: ${describeError(error)}`,
  );
  return { body, tookMs: performance.now() - startedAt };
}

test('a page that crashes its worker, asked for thirty times in a row, takes no other page away', async () => {
  const daemon = await serve('', delay);
  let isOver = false;
  const visitor = async (): Promise<readonly { body: string; tookMs: number }[]> => {
    const answers = [];
    while (!isOver) answers.push(await ask('/'));
    return answers;
  };
  const visitors = Array.from({ length: clients }, visitor);
  for (let crash = 0; crash < crashes; crash += 1) expect(await ask('/exit/')).toMatchObject({ body: cut });
  isOver = true;
  const answers = (await Promise.all(visitors)).flat();
  expect(answers.length).toBeGreaterThan(crashes);
  expect(answers.filter(({ body }) => body !== 'good')).toEqual([]);
  expect(answers.filter(({ tookMs }) => tookMs > longestMs)).toEqual([]);
  const pool = await until(async () => {
    const now = await daemon.pool('site');
    return now.state === 'running' && now.restarts >= crashes && now;
  });
  expect(pool).toMatchObject({
    generation: 1,
    restarts: crashes,
    cutRequests: crashes,
    lastCut: { method: 'GET', uri: '/exit/' },
  });
  expect(daemon.log.filter(({ event }) => event === 'pool.failed')).toEqual([]);
  expect((await daemon.fcgictl('status')).stdout).toContain(
    `${crashes} requests cut by the end of their worker`,
  );
  const deaths = daemon.log.filter(({ event }) => event === 'worker.died');
  expect(deaths).toHaveLength(crashes);
  for (const { requests } of deaths) expect(requests).toMatchObject([{ uri: '/exit/' }]);
  const events = daemon.log.map(({ event }) => event);
  expect(events).not.toContain('requests.cut');
  // Of what the pool is meanwhile the log tells only where a machine needs a second for the next worker.
  expect(events.filter((event) => event.startsWith('pool.')).length).toBeLessThan(crashes);
});

test('nor does it where each worker loads the application: the pauses do not grow, and nothing fails', async () => {
  const daemon = await serve(', preload = false', '100ms');
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(['/exit/', '/exit/', '/exit/', '/'].map(ask));
    expect(answers.map(({ body }) => body)).toEqual([cut, cut, cut, 'good']);
  }
  expect((await daemon.pool('site')).workers.map(({ state }) => state)).not.toContain('failed');
  expect(daemon.log.filter(({ event }) => event === 'pool.failed')).toEqual([]);
});
