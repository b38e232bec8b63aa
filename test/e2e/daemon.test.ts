import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fcgictl, repository, runfcgid, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;
let socket: string;
let config: string;

beforeEach(() => {
  workspace = new Workspace();
  socket = workspace.file('app.sock');
  config = writeConfig(
    workspace,
    `[pools.app]\ncommand = ["${repository}/test/fixtures/answers"]\nlisten = "unix:${socket}"\nworkers = 2`,
  );
});

afterEach(() => workspace.close());

async function servingPid(url: string): Promise<number> {
  const { status, body } = await ask(url);
  expect(status).toBe(200);
  return Number(body.toString().split(' ')[0]);
}

/** Ends a daemon in the background with the test. */
function stopInTheEnd(): void {
  workspace.onClose(() => fcgictl(workspace, config, 'stop'));
}

describe('fcgictl start', () => {
  test('starts the daemon where none runs, and the pools; a second time it says the same', async () => {
    stopInTheEnd();
    const expected = { status: 0, stdout: 'app: running with 2 workers\n' };
    expect(await fcgictl(workspace, config, 'start')).toMatchObject(expected);
    expect(statSync(socket).isSocket()).toBe(true);
    const pid = readFileSync(workspace.file('run/runfcgid.pid'), 'utf8');
    expect(await fcgictl(workspace, config, 'start')).toMatchObject(expected);
    expect(readFileSync(workspace.file('run/runfcgid.pid'), 'utf8')).toBe(pid);
    const { url } = await startNginx(workspace, `unix:${socket}`);
    await servingPid(url);
  });

  test('and stop leave nothing but the log', async () => {
    await fcgictl(workspace, config, 'start');
    const stopped = await fcgictl(workspace, config, 'stop');
    expect(stopped).toMatchObject({ status: 0, stdout: 'app: stopped\nrunfcgid has ended\n' });
    expect(workspace.filesLeft()).toEqual([]);
    expect(workspace.processes()).toEqual([]);
    expect((await fcgictl(workspace, config, 'status')).status).toBe(3);
  });
});

describe('runfcgid --daemonize', () => {
  test('returns when the pools run, with the pid of the daemon', async () => {
    stopInTheEnd();
    const { status, stdout } = await runfcgid(workspace, '--config', config, '--daemonize');
    const pid = /^runfcgid runs as process (\d+)\n$/.exec(stdout)?.[1];
    expect([status, pid]).toEqual([0, readFileSync(workspace.file('run/runfcgid.pid'), 'utf8').trim()]);
    expect((await fcgictl(workspace, config, 'status')).status).toBe(0);
  });

  test('refuses a second daemon in the same place, and leaves the first alone', async () => {
    stopInTheEnd();
    await runfcgid(workspace, '--config', config, '--daemonize');
    const pid = readFileSync(workspace.file('run/runfcgid.pid'), 'utf8').trim();
    const second = await runfcgid(workspace, '--config', config, '--daemonize');
    expect([second.status, second.stdout]).toEqual([73, '']);
    expect(second.stderr).toContain(pid);
    expect((await fcgictl(workspace, config, 'status')).status).toBe(0);
  });
});

describe('the daemon', () => {
  test('finishes the requests in hand on TERM', async () => {
    const slow = `[pools.app]
directory = "${repository}/test/fixtures"
wsgi = { application = "takes_its_time:application", python = "/usr/bin/python3" }
environment = { PYTHONDONTWRITEBYTECODE = "1" }
listen = "unix:${socket}"
workers = 1
# Who waited for these would be late.
drain_timeout = "10m"
graceful_timeout = "10m"`;
    const daemon = await TestDaemon.start(workspace, writeConfig(workspace, slow));
    const { url } = await startNginx(workspace, `unix:${socket}`);
    const answer = ask(`${url}/sleeps?${workspace.file('finish')}`);
    await until(async () => (await daemon.pool('app')).workers.some(({ connections }) => connections === 1));
    daemon.signal('SIGTERM');
    await daemon.logged('pool.stopping');
    workspace.write('finish', '');
    expect((await answer).status).toBe(200);
    expect(await daemon.ended()).toBe(0);
  });

  test('ends at once on QUIT, whatever its workers do', async () => {
    const stubborn = `[pools.app]
command = ["${repository}/test/fixtures/ignores-sigterm"]
listen = "unix:${socket}"
graceful_timeout = "10m"`;
    const daemon = await TestDaemon.start(workspace, writeConfig(workspace, stubborn));
    daemon.signal('SIGQUIT');
    expect(await daemon.ended()).toBe(0);
  });

  test('publishes its socket again when a cleaner has deleted it', async () => {
    const daemon = await TestDaemon.start(workspace, config);
    const { url } = await startNginx(workspace, `unix:${socket}`);
    rmSync(socket);
    expect(await daemon.logged('address.lost')).toMatchObject({ address: `unix:${socket}` });
    expect(await daemon.workerPids('app')).toContain(await servingPid(url));
  });

  test('that was killed with SIGKILL is replaced by one that clears its workers away, and serves', async () => {
    const killed = await TestDaemon.start(workspace, config);
    const orphans = await killed.workerPids('app');
    killed.signal('SIGKILL');
    expect(await killed.ended()).toBe(null);
    expect(orphans.filter((pid) => existsSync(`/proc/${pid}`))).toEqual(orphans);
    for (const [command, status] of [['status', 3] as const, ['stop', 1] as const]) {
      const told = await killed.fcgictl(command);
      expect([told.status, told.stdout]).toEqual([status, expect.stringContaining('still serve')]);
    }
    const daemon = await TestDaemon.start(workspace, config);
    expect(workspace.processes().filter(({ pid }) => orphans.includes(pid))).toEqual([]);
    const { url } = await startNginx(workspace, `unix:${socket}`);
    expect(await daemon.workerPids('app')).toContain(await servingPid(url));
  });

  test('that has no getconf tells memory and CPU all the same, and complains to nobody', async () => {
    const daemon = await TestDaemon.start(workspace, config, ['/usr/bin/env', 'PATH=/nonexistent']);
    const { workers } = await daemon.pool('app');
    const told = { memoryBytes: expect.any(Number), cpuPercent: expect.any(Number) };
    expect(workers).toEqual([expect.objectContaining(told), expect.objectContaining(told)]);
    await daemon.stop();
  });
});
