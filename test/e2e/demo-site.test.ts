import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { demoPool, download, migrateDemo, residentMiB, streamDigest } from '../helpers/demo-site.ts';
import { freePort } from '../helpers/free-port.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const places = [
  {
    place: 'a Unix socket, prefork',
    django: 'method = "prefork"',
    listen: (workspace: Workspace) => `unix:${workspace.file('mysite.sock')}`,
  },
  {
    place: 'TCP, threaded',
    django: 'method = "threaded", threads = 4',
    listen: async () => `127.0.0.1:${await freePort()}`,
  },
];

describe.each(places)('the demo site behind nginx on $place', ({ django, listen }) => {
  let workspace: Workspace;
  let daemon: TestDaemon;
  let site: string;

  beforeAll(async () => {
    workspace = new Workspace();
    await migrateDemo(workspace);
    const address = await listen(workspace);
    const pool = demoPool(workspace, address, django, 'workers = 2');
    daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
    site = (await startNginx(workspace, address)).url;
  });

  afterAll(() => workspace.close());

  test('its pages answer, in its production settings', async () => {
    for (const page of ['/', '/guestbook/', '/worker/', '/upload/', '/static/site.css']) {
      expect([page, (await ask(`${site}${page}`)).status]).toEqual([page, 200]);
    }
    const facts = JSON.parse((await ask(`${site}/worker.json`)).body.toString());
    expect(facts.settings).toBe('settings.production');
    expect(await daemon.workerPids('mysite')).toContain(facts.pid);
  });

  test('the guest book takes an entry with its token, and none without', async () => {
    const form = await ask(`${site}/guestbook/`);
    const token = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(form.body.toString())?.[1] ?? '';
    const cookie = String(form.headers['set-cookie']).split(';')[0] ?? '';
    const entry = { name: 'Ännchen', message: 'It works & stays.' };
    const post = (fields: Record<string, string>) =>
      ask(
        `${site}/guestbook/`,
        { method: 'POST', headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' } },
        new URLSearchParams(fields).toString(),
      );
    expect((await post(entry)).status).toBe(403);
    const written = await post({ ...entry, csrfmiddlewaretoken: token });
    expect([written.status, written.headers.location]).toEqual([302, '/guestbook/']);
    const entries = (await ask(`${site}/guestbook/`)).body.toString();
    expect(entries).toContain('Ännchen');
    expect(entries).toContain('It works &amp; stays.');
  });

  test('an upload of 10 MB arrives unchanged', async () => {
    const body = Buffer.alloc(10 * 1024 * 1024, 'every byte of this counts ');
    const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length };
    const answer = await ask(`${site}/upload/`, { method: 'POST', headers }, body);
    const sha256 = createHash('sha256').update(body).digest('hex');
    expect(JSON.parse(answer.body.toString())).toEqual({ name: null, size: body.length, sha256 });
  });

  test('a download of 100 MB streams through workers whose memory stays flat', async () => {
    const pids = await daemon.workerPids('mysite');
    const before = pids.map(residentMiB);
    const growth = (): number =>
      Math.max(...pids.map((pid, index) => residentMiB(pid) - (before[index] ?? 0)));
    let most = 0;
    let chunks = 0;
    const received = await download(`${site}/stream/?mb=100`, () => {
      chunks += 1;
      if (chunks % 50 === 0) most = Math.max(most, growth());
    });
    expect(received).toEqual({ status: 200, bytes: 100 * 1024 * 1024, sha256: streamDigest(100) });
    expect(Math.max(most, growth())).toBeLessThan(10);
  });

  test("a page that is missing gets the site's own 404 page", async () => {
    const { status, body } = await ask(`${site}/nowhere/`);
    expect(status).toBe(404);
    expect(body.toString()).toContain('There is no such page.');
    expect(body.toString()).toContain('<code>/nowhere/</code>');
  });

  test("a page that fails gets the site's own 500 page, and the log its traceback", async () => {
    const { status, body } = await ask(`${site}/error/`);
    expect(status).toBe(500);
    expect(body.toString()).toContain('Something went wrong.');
    expect(body.toString()).not.toContain('RuntimeError');
    // The log gets it by way of the daemon, perhaps after the visitor has the page.
    const words = 'RuntimeError: This page fails on purpose.';
    await until(() => daemon.log.some(({ event, msg }) => event === 'worker.output' && msg === words));
  });
});
