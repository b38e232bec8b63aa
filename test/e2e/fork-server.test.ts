import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const clients = 8;
const workers = 3;

let workspace: Workspace;
let daemon: TestDaemon;
let load: SteadyLoad;

/** Answers as the load expects it, and slowly where that is asked for. */
function site(version: string): string {
  return `
import os, time
from urllib.parse import parse_qs

def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    if "slow" in query: time.sleep(0.1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"${version} {os.getpid()} {os.getppid()} {environ['REQUEST_URI']}\\n".encode()]
`;
}

beforeEach(async () => {
  workspace = new Workspace();
  writeFileSync(workspace.file('shop.py'), site('one'));
  const listen = `unix:${workspace.file('site.sock')}`;
  const pool = `
[pools.site]
directory = "${workspace.path}"
wsgi = { application = "shop:application" }
environment = { PYTHONDONTWRITEBYTECODE = "1" }
listen = "${listen}"
workers = ${workers}
`;
  daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
  load = new SteadyLoad({
    nginx: await startNginx(workspace, listen),
    clients,
    path: (count) => `/${count}${count % 7 === 0 ? '?slow=1' : ''}`,
    reader: ({ body }, path) => {
      const [version, pid, , uri] = String(body).trim().split(' ');
      return uri === path ? `${version} ${pid}` : undefined;
    },
  });
  workspace.onClose(() => load.stop());
});

afterEach(() => workspace.close());

async function forkServer(): Promise<number> {
  const { generations } = await daemon.pool('site');
  const server = generations.find(({ phase }) => phase === 'live')?.forkServer;
  if (!server?.pid) throw new Error(`no fork server: ${JSON.stringify(generations)}`);
  return server.pid;
}

/** Never 0, which would be everybody here (kill(2)). */
function kill(pid: number | undefined): void {
  if (!pid) throw new Error('nobody to kill');
  process.kill(pid, 'SIGKILL');
}

test('the death of a fork server costs no request, and the next dead worker is followed by a new generation', async () => {
  await load.goOn(100);
  const server = await forkServer();
  const before = await daemon.workerPids('site');
  kill(server);
  await daemon.logged('fork-server.lost');
  await load.goOn(100);
  expect(await daemon.workerPids('site')).toEqual(before);
  expect((await daemon.pool('site')).state).toBe('running');
  await daemon.fcgictl('scale', 'site', String(workers));
  expect(await load.stop()).toEqual({ ok: load.answered });

  kill(before[0]);
  await until(async () => (await daemon.pool('site')).generation === 2);
  await until(async () => (await daemon.pool('site')).workersReady === workers);
  expect(await forkServer()).not.toBe(server);
});

test('a dead worker is back from the code that was proven, whatever lies on the disk', async () => {
  const before = await daemon.workerPids('site');
  writeFileSync(workspace.file('shop.py'), 'this is no Python');
  await load.goOn(20);
  kill(before[0]);
  await until(async () => {
    const pids = await daemon.workerPids('site');
    return pids.length === workers && !pids.includes(before[0] ?? 0);
  });
  expect((await daemon.pool('site')).generation).toBe(1);
  await load.goOn(50);
  const { ok = 0, ...lost } = await load.stop();
  expect(ok).toBeGreaterThan(70);
  expect(Object.values(lost).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1);
});

test('with a lost fork server and broken code the workers that are left serve on', async () => {
  const before = await daemon.workerPids('site');
  kill(await forkServer());
  await daemon.logged('fork-server.lost');
  expect((await daemon.fcgictl('status')).stdout).toContain('site: the fork server has ended');
  writeFileSync(workspace.file('shop.py'), 'this is no Python');
  kill(before[0]);
  await daemon.logged('reload.refused');
  const { state, refusedReload, workersReady } = await daemon.pool('site');
  expect([state, workersReady]).toEqual(['degraded', workers - 1]);
  expect(refusedReload?.reason).toContain('SyntaxError');
  const answered = load.answered;
  await load.goOn(50);
  expect(load.answered).toBeGreaterThan(answered);
  writeFileSync(workspace.file('shop.py'), site('two'));
  expect((await daemon.fcgictl('reload', 'site')).status).toBe(0);
  expect((await daemon.pool('site')).workersReady).toBe(workers);
});

test('a thread that the workers do not have is told of in the status until the code is mended', async () => {
  const words = 'site: warning: loading the application has started threads';
  const thread = 'import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n';
  writeFileSync(workspace.file('shop.py'), thread + site('two'));
  expect((await daemon.fcgictl('reload', 'site')).status).toBe(0);
  expect((await daemon.fcgictl('status')).stdout).toContain(words);
  writeFileSync(workspace.file('shop.py'), site('two'));
  expect((await daemon.fcgictl('reload', 'site')).status).toBe(0);
  expect((await daemon.fcgictl('status')).stdout).not.toContain(words);
});

test('a fork server ends with its generation, and with the daemon', async () => {
  const first = await forkServer();
  expect((await daemon.fcgictl('reload', 'site')).status).toBe(0);
  const second = await forkServer();
  expect(second).not.toBe(first);
  await until(() => !isThere(first));
  await load.stop();
  await daemon.stop();
  expect(isThere(second)).toBe(false);
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
