import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginxApart } from '../helpers/nginx.ts';
import { collect, ended, finish } from '../helpers/program.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const reloads = 5;
const clients = 32;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

async function startDaemon(listen: string): Promise<TestDaemon> {
  const pool = `
[pools.far]
command = ["${repository}/test/fixtures/aborts-on-sigterm"]
listen = "${listen}"
workers = 4
graceful_timeout = "500ms"
`;
  return TestDaemon.start(workspace, writeConfig(workspace, pool));
}

async function reloadUnder(load: SteadyLoad, daemon: TestDaemon): Promise<void> {
  workspace.onClose(() => load.stop());
  for (let count = 0; count < reloads; count += 1) {
    const before = await daemon.workerPids('far');
    await load.goOn(50);
    const { status, stderr } = await daemon.fcgictl('reload', 'far');
    expect(status, stderr).toBe(0);
    load.expectNoMoreFrom(before);
  }
  await load.goOn(50);
  const { ok = 0, ...lost } = await load.stop();
  expect(lost, load.complaints.join('\n')).toEqual({});
  expect(ok).toBeGreaterThan(50 * reloads);
  const cut = daemon.log.filter(({ event }) => event === 'drain.ended');
  expect(cut).toEqual([]);
}

describe('reloads lose no request of a web server that is not quite here', () => {
  test('in another network namespace, with the directory of the socket mounted', async () => {
    const listen = `unix:${workspace.file('far.sock')}`;
    const daemon = await startDaemon(listen);
    const nginx = await startNginxApart(workspace, listen);
    await reloadUnder(new SteadyLoad({ nginx, clients }), daemon);
  });

  test('30 ms away by TCP, with handshakes under way at every switch', async () => {
    const [server, client, port] = ['10.213.78.1', '10.213.78.2', await freePort()];
    const namespace = await startDelayedNetwork({ server, client, port, delayS: 0.03 });
    const daemon = await startDaemon(`${server}:${port}`);
    const nginx = await startNginxApart(workspace, `${server}:${port}`, ['ip', 'netns', 'exec', namespace]);
    const startedMs = performance.now();
    await ask(nginx.url, nginx.route);
    // A handshake, then a request and its answer.
    expect(performance.now() - startedMs).toBeGreaterThan(110);
    await reloadUnder(new SteadyLoad({ nginx, clients }), daemon);
  });
});

interface Network {
  readonly server: string;
  readonly client: string;
  readonly port: number;
  readonly delayS: number;
}

/** A network with a delay in each direction; returns the namespace of its client. */
async function startDelayedNetwork({ server, client, port, delayS }: Network): Promise<string> {
  const namespace = `rf${process.pid}`;
  const script = `${repository}/test/integration/sockets/delayed-network.py`;
  const words = [namespace, server, client, port, delayS, 0].map(String);
  const network = spawn('/usr/bin/python3', [script, ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
  const [said, complained] = [collect(network.stdout), collect(network.stderr)];
  workspace.onClose(async () => {
    network.stdin.end();
    await ended(network, 60_000);
    // Only there when the script came to grief.
    await finish(['ip', 'netns', 'del', namespace]);
  });
  await until(() => {
    if (network.exitCode !== null) throw new Error(`no network: ${complained()}`);
    return said().includes('up');
  });
  return namespace;
}
