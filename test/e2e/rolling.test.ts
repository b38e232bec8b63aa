import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad, type SteadyLoadOptions } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const workers = 4;
const clients = 8;
const reloads = 3;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

interface Site {
  readonly name: string;
  /** As in the configuration, and as nginx writes it. */
  readonly listen: string;
  readonly upstream: string;
}

interface Scene {
  readonly daemon: TestDaemon;
  readonly loads: ReadonlyMap<string, SteadyLoad>;
}

/** The same program on sockets of every kind, of which each is shared by all generations; under load. */
async function serve(
  fixture: string,
  more = '',
  options: Pick<SteadyLoadOptions, 'path'> = {},
): Promise<Scene> {
  const port = await freePort();
  const passed = await freePort();
  const socket = workspace.file('systemd.sock');
  const unix = `unix:${workspace.file('unix.sock')}`;
  const sites: readonly Site[] = [
    { name: 'unix', listen: unix, upstream: unix },
    { name: 'tcp', listen: `127.0.0.1:${port}`, upstream: `127.0.0.1:${port}` },
    { name: 'systemd-unix', listen: 'systemd:one', upstream: `unix:${socket}` },
    { name: 'systemd-tcp', listen: 'systemd:two', upstream: `127.0.0.1:${passed}` },
  ];
  const config = writeConfig(workspace, sites.map((site) => poolText(site, fixture, more)).join(''));
  const launcher = [
    `${repository}/test/helpers/passes-sockets.py`,
    `one=${socket}`,
    `two=127.0.0.1:${passed}`,
  ];
  const daemon = await TestDaemon.start(workspace, config, [...launcher, '--']);
  const loads = new Map<string, SteadyLoad>();
  for (const { name, upstream } of sites) {
    const load = new SteadyLoad({ nginx: await startNginx(workspace, upstream), clients, ...options });
    workspace.onClose(() => load.stop());
    loads.set(name, load);
  }
  await goOn(loads, 20);
  return { daemon, loads };
}

function poolText({ name, listen }: Site, fixture: string, more: string): string {
  return `
[pools.${name}]
command = ["${repository}/test/fixtures/${fixture}"]
listen = "${listen}"
switch = "rolling"
workers = ${workers}
environment = { WORK_LOG = "${workspace.file(`${name}.work`)}", WORK_SECONDS = "0.2" }
${more}
`;
}

function goOn(loads: Scene['loads'], requests: number): Promise<unknown> {
  return Promise.all([...loads.values()].map((load) => load.goOn(requests)));
}

/** Reloads every pool; whoever served before must not get a request any more. */
async function reload({ daemon, loads }: Scene): Promise<void> {
  const before = await daemon.status();
  const { status, stdout, stderr } = await daemon.fcgictl('reload');
  expect(status, `${stdout}${stderr}`).toBe(0);
  const after = await daemon.status();
  for (const { name, workers: old } of before.pools) {
    const pids = old.flatMap(({ pid }) => pid ?? []);
    const pool = after.pools.find((each) => each.name === name);
    const now = pool?.workers.flatMap(({ pid }) => pid ?? []) ?? [];
    expect([now.length, now.filter((pid) => pids.includes(pid))], name).toEqual([workers, []]);
    loads.get(name)?.expectNoMoreFrom(pids);
  }
  await goOn(loads, 10);
}

async function expectOnlyOk(loads: Scene['loads']): Promise<void> {
  for (const [name, load] of loads) {
    const { ok, ...others } = await load.stop();
    expect([others, load.complaints], name).toEqual([{}, []]);
    expect(ok).toBeGreaterThan(30);
  }
}

describe('workers of a shared socket are replaced without a loss, if they', () => {
  test.each([
    ['behave', 'answers'],
    ['abort on SIGTERM', 'aborts-on-sigterm'],
    ['ignore every signal but SIGKILL', 'ignores-sigterm'],
  ])('%s', async (_, fixture) => {
    const scene = await serve(fixture, 'graceful_timeout = "20s"');
    for (let round = 0; round < reloads; round += 1) await reload(scene);
    await expectOnlyOk(scene.loads);
  });

  test('work on after the response, and that work is finished', async () => {
    const scene = await serve('works-after-response');
    for (let round = 0; round < 2; round += 1) await reload(scene);
    await expectOnlyOk(scene.loads);
    for (const [name, load] of scene.loads) {
      // One line for each response, also from those that were retired while they worked.
      const done = (): number => readFileSync(workspace.file(`${name}.work`), 'utf8').split('\n').length - 1;
      await until(() => done() >= (load.tally['ok'] ?? 0));
      expect(done()).toBe(load.tally['ok']);
    }
  });

  test('are replaced one at a time, with one worker more at most', async () => {
    const scene = await serve('aborts-on-sigterm', 'surge = 1');
    await reload(scene);
    await expectOnlyOk(scene.loads);
  });
});

test('a pool on shared sockets grows and shrinks under load, and the other workers go on', async () => {
  const { daemon, loads } = await serve('aborts-on-sigterm');
  for (const name of loads.keys()) {
    const before = await daemon.workerPids(name);
    expect((await daemon.fcgictl('scale', name, '7')).status).toBe(0);
    const grown = await daemon.workerPids(name);
    expect([grown.length, before.every((pid) => grown.includes(pid))]).toEqual([7, true]);
    expect((await daemon.fcgictl('scale', name, '2')).status).toBe(0);
    const left = await until(async () => {
      const pids = await daemon.workerPids(name);
      return pids.length === 2 ? pids : undefined;
    });
    expect(left.every((pid) => grown.includes(pid))).toBe(true);
  }
  await goOn(loads, 10);
  await expectOnlyOk(loads);
});

test('sockets of systemd outlive the daemon, and requests wait for the next one', async () => {
  // The last workers have nobody beside them: slow requests would leave them hardly a moment without one.
  const { daemon, loads } = await serve('answers', '', { path: (count) => `/page?number=${count}` });
  const names = ['systemd-unix', 'systemd-tcp'];
  const inherited = new Map([...loads].filter(([name]) => names.includes(name)));
  for (const name of ['unix', 'tcp']) await loads.get(name)?.stop();
  for (let round = 0; round < 2; round += 1) {
    const { pid } = (await daemon.status()).daemon;
    const seen = daemon.log.length;
    process.kill(pid, 'SIGTERM');
    await daemon.logged('daemon.ready', undefined, seen);
    await goOn(inherited, 20);
  }
  await expectOnlyOk(inherited);
});
