import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readProcess } from '../../src/host/process-table.ts';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const workers = 2;
const kills = 20;

let workspace: Workspace;
let daemon: TestDaemon;

beforeEach(async () => {
  workspace = new Workspace();
  writeFileSync(
    workspace.file('shop.py'),
    'def application(environ, start_response):\n    start_response("200 OK", [])\n    return [b""]\n',
  );
  const pool = `
[pools.site]
directory = "${workspace.path}"
wsgi = { application = "shop:application" }
environment = { PYTHONDONTWRITEBYTECODE = "1" }
listen = "unix:${workspace.file('site.sock')}"
workers = ${workers}
backoff_initial = "20ms"
backoff_max = "50ms"
max_restarts = ${2 * kills}
`;
  daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
});

afterEach(() => workspace.close());

/**
 * The process that waits to become a worker, as ps calls it. Once it has that name it sleeps when it has said that it may
 * be launched, and not before: until then a dead worker is followed by another process.
 */
function findReserve(forkServer: number): number | undefined {
  const children = readFileSync(`/proc/${forkServer}/task/${forkServer}/children`, 'utf8');
  const pids = children.split(' ').filter(Boolean).map(Number);
  return pids.find((pid) => nameOf(pid) === 'site/next\n' && readProcess(pid)?.state === 'S');
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return ''; // it has just ended
  }
}

async function reserve(): Promise<number> {
  const { generations } = await daemon.pool('site');
  const server = generations.find(({ phase }) => phase === 'live')?.forkServer?.pid;
  if (!server) throw new Error('no fork server');
  return until(() => findReserve(server));
}

const isThere = (pid: number): boolean => readdirSync('/proc').includes(String(pid));

test('a process waits behind the workers, is counted nowhere, and takes the place of one that was killed', async () => {
  const waiting = await reserve();
  const before = await daemon.workerPids('site');
  expect(before).toHaveLength(workers);
  expect(before).not.toContain(waiting);
  process.kill(Number(before[0]), 'SIGKILL');
  await until(async () => (await daemon.workerPids('site')).includes(waiting));
  await until(async () => (await daemon.pool('site')).workersReady === workers);
  expect(await reserve()).not.toBe(waiting);
});

test('it is thrown away with its generation, stays when the pool is scaled, and ends with the pool', async () => {
  const first = await reserve();
  expect((await daemon.fcgictl('reload', 'site')).status).toBe(0);
  const second = await reserve();
  expect(second).not.toBe(first);
  await until(() => !isThere(first));
  expect((await daemon.fcgictl('scale', 'site', '1')).status).toBe(0);
  await until(async () => (await daemon.pool('site')).workers.length === 1);
  expect(await reserve()).toBe(second);
  expect((await daemon.fcgictl('stop', 'site')).status).toBe(0);
  await until(() => !isThere(second));
});

test('it is gone when the daemon is', async () => {
  const waiting = await reserve();
  await daemon.stop();
  expect(isThere(waiting)).toBe(false);
});

test('it is gone when the daemon was killed', async () => {
  const waiting = await reserve();
  daemon.signal('SIGKILL');
  await daemon.ended();
  await until(() => !isThere(waiting));
  const next = await TestDaemon.start(workspace, workspace.file('runfcgid.toml'));
  await next.stop();
});

test('workers that are killed twenty times in a row come back one by one, under the policy for early deaths', async () => {
  const seen = new Set(await daemon.workerPids('site'));
  for (let round = 1; round <= kills; round += 1) {
    const [victim] = await daemon.workerPids('site');
    process.kill(Number(victim), 'SIGKILL');
    await until(async () => {
      const pids = await daemon.workerPids('site');
      return !pids.includes(Number(victim)) && (await daemon.pool('site')).workersReady === workers;
    });
    for (const pid of await daemon.workerPids('site')) seen.add(pid);
  }
  expect(seen.size).toBe(workers + kills);
  const { state, generation } = await daemon.pool('site');
  expect([state, generation]).toEqual(['running', 1]);
  const deaths = () => daemon.log.filter(({ event }) => event === 'worker.died').length;
  // What the daemon has said may still be on its way.
  await until(() => deaths() >= kills);
  expect(deaths()).toBe(kills);
});
