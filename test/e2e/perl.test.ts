import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { type Nginx, startNginx } from '../helpers/nginx.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

async function startPerl(more = ''): Promise<{ daemon: TestDaemon; nginx: Nginx }> {
  const socket = `unix:${workspace.file('perl.sock')}`;
  const config = writeConfig(
    workspace,
    `[pools.perl]\ncommand = ["${repository}/test/fixtures/answers"]\nlisten = "${socket}"\n${more}`,
  );
  const daemon = await TestDaemon.start(workspace, config);
  return { daemon, nginx: await startNginx(workspace, socket) };
}

describe('a Perl program behind nginx', () => {
  test('is served by the workers that status names', async () => {
    const { daemon, nginx } = await startPerl('workers = 2');
    const { status, body } = await ask(`${nginx.url}/some/where?a=b`);
    const [pid, ...words] = body.toString().trim().split(' ');
    expect([status, words]).toEqual([200, ['GET', '/some/where?a=b']]);
    expect(await daemon.workerPids('perl')).toContain(Number(pid));
    expect((await daemon.fcgictl('status')).status).toBe(0);
  });

  test('is replaced after a kill -9, and the request that waited meanwhile is answered', async () => {
    const { daemon, nginx } = await startPerl('workers = 1');
    const [old = 0] = await daemon.workerPids('perl');
    process.kill(old, 'SIGSTOP');
    process.kill(old, 'SIGKILL');
    const { status, body } = await ask(nginx.url);
    const served = Number(body.toString().split(' ')[0]);
    expect([status, served === old]).toEqual([200, false]);
    const { restarts, lastExit } = await until(async () => {
      const pool = await daemon.pool('perl');
      return pool.state === 'running' ? pool : undefined;
    });
    expect([restarts, lastExit?.pid]).toEqual([1, old]);
    expect(lastExit?.reason).toContain('killed by SIGKILL');
  });
});
