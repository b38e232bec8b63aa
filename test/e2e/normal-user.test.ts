import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { systemPython } from '../helpers/demo-site.ts';
import { freePort } from '../helpers/free-port.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { asNormalUser } from '../helpers/normal-user.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const clients = 8;
const reloads = 5;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

/** An application that answers with its version, and takes its time when it is asked to. */
function deploy(version: string, status = '200 OK'): void {
  workspace.write(
    'site/site_app.py',
    `import time\ndef application(environ, start_response):\n    query = environ["QUERY_STRING"]\n    if query: open("../started", "w").close(); time.sleep(float(query))\n    start_response("${status}", [])\n    return [b"${version}"]\n`,
  );
}

function poolText(port: number): string {
  return `[pools.site]
directory = "site"
listen = "127.0.0.1:${port}"
workers = 2
proof = { path = "/" }
environment = { PYTHONDONTWRITEBYTECODE = "1" }
wsgi = { application = "site_app:application", python = "${systemPython}" }`;
}

async function start(port: number): Promise<TestDaemon> {
  const launcher = asNormalUser(workspace);
  const daemon = await TestDaemon.start(workspace, writeConfig(workspace, poolText(port)), launcher);
  expect(readFileSync(`/proc/${daemon.pid}/status`, 'utf8')).toMatch(/^CapEff:\t0+$/m);
  return daemon;
}

test('a normal user reloads a site on a port under load and loses no request', async () => {
  deploy('0');
  const port = await freePort();
  const daemon = await start(port);
  const load = new SteadyLoad({
    nginx: await startNginx(workspace, `127.0.0.1:${port}`),
    clients,
    path: () => '/',
    reader: ({ body }) => body.toString(),
  });
  workspace.onClose(() => load.stop());
  for (let version = 1; version <= reloads; version += 1) {
    deploy(String(version));
    expect(await daemon.fcgictl('restart')).toMatchObject({ status: 0 });
    load.expectNoMoreFrom([version - 1]);
    await load.goOn(50);
  }
  deploy('broken', '500 Broken');
  expect((await daemon.fcgictl('restart')).stderr).toContain('the proof request / was answered 500');
  await load.goOn(50);
  expect([await load.stop(), load.complaints]).toEqual([{ ok: load.answered }, []]);
});

test('a normal user stops a site on a port and loses no request that is in hand', async () => {
  deploy('one');
  const port = await freePort();
  const daemon = await start(port);
  const { url } = await startNginx(workspace, `127.0.0.1:${port}`);
  const inHand = ask(`${url}/?1`);
  await until(() => existsSync(workspace.file('started')));
  const stopped = daemon.fcgictl('stop', 'site');
  expect((await inHand).body.toString()).toBe('one');
  expect(await stopped).toMatchObject({ status: 0, stdout: 'site: stopped\n' });
  expect((await ask(`${url}/`)).status).toBe(502);
  expect((await daemon.fcgictl('start', 'site')).status).toBe(0);
  expect((await ask(`${url}/`)).body.toString()).toBe('one');
});
