import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { type Nginx, startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

/** Fewer than the children, so that nothing waits when the old ones are stopped. */
const clients = 3;
const reloads = 3;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

interface Scene {
  readonly daemon: TestDaemon;
  readonly nginx: Nginx;
}

/** Requests of some seconds outlive the drain, so that the stop signal meets them. */
async function startLegacy(more = ''): Promise<Scene> {
  const socket = `unix:${workspace.file('legacy.sock')}`;
  const config = writeConfig(
    workspace,
    `[pools.legacy]
command = ["${repository}/test/fixtures/aborts-in-its-children", "runfcgi", "method=prefork", "daemonize=false"]
preset = "django-legacy"
listen = "${socket}"
drain_timeout = "1s"
${more}`,
  );
  return { daemon: await TestDaemon.start(workspace, config), nginx: await startNginx(workspace, socket) };
}

/** Each time when requests of so many seconds have just begun. */
async function reloadUnderLoad({ daemon, nginx }: Scene, seconds: number): Promise<SteadyLoad> {
  const path = (count: number): string => `/page?number=${count}&seconds=${seconds}`;
  const load = new SteadyLoad({ nginx, clients, path });
  workspace.onClose(() => load.stop());
  for (let round = 0; round < reloads; round += 1) {
    await until(async () => (await connectionsOfLive(daemon)) === clients);
    expect((await daemon.fcgictl('restart', 'legacy')).status).toBe(0);
  }
  await load.goOn(clients);
  await load.stop();
  return load;
}

async function connectionsOfLive(daemon: TestDaemon): Promise<number> {
  const { generation, workers } = await daemon.pool('legacy');
  const live = workers.filter((worker) => worker.generation === generation);
  return live.reduce((sum, { connections }) => sum + (connections ?? 0), 0);
}

describe('a preforking program whose parent aborts on SIGTERM what its children have in hand', () => {
  test('loses nothing in a reload, because the parent is killed and its children finish', async () => {
    const load = await reloadUnderLoad(await startLegacy(), 4);
    expect([Object.keys(load.tally), load.complaints]).toEqual([['ok'], []]);
  });

  test('would lose requests if it were told to stop by SIGTERM', async () => {
    const { tally } = await reloadUnderLoad(await startLegacy('stop_signal = "TERM"'), 10);
    expect(tally['status 500']).toBeGreaterThan(0);
  });

  test('finishes what it has when it is stopped, and then nothing of it is left', async () => {
    const { daemon, nginx } = await startLegacy();
    const answer = ask(`${nginx.url}/page?seconds=5`);
    await until(async () =>
      (await daemon.pool('legacy')).workers.some(({ connections }) => connections === 1),
    );
    expect((await daemon.fcgictl('stop', 'legacy')).status).toBe(0);
    const { status, body } = await answer;
    expect([status, body.toString()]).toEqual([200, expect.stringMatching(/^\d+ GET \/page\?seconds=5\n$/)]);
    expect(workspace.processes().filter(({ command }) => command.includes('aborts-in-its-children'))).toEqual(
      [],
    );
  });
});
