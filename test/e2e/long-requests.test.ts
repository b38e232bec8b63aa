import { readFileSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { type Nginx, startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;
let daemon: TestDaemon;
let nginx: Nginx;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

async function serve(settings: string, engine = ''): Promise<void> {
  const listen = `unix:${workspace.file('site.sock')}`;
  const pool = `
[pools.site]
directory = "${repository}/test/fixtures"
wsgi = { application = "takes_its_time:application"${engine} }
listen = "${listen}"
${settings}
`;
  daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
  nginx = await startNginx(workspace, listen);
}

const visit = (path: string) => ask(`${nginx.url}${path}`, nginx.route);

/** Short requests beside the long one, none of which may suffer. */
async function underLoad(work: () => Promise<void>): Promise<void> {
  const load = new SteadyLoad({ nginx, clients: 4, path: (count) => `/page?${count}` });
  workspace.onClose(() => load.stop());
  await load.goOn(20);
  await work();
  await load.goOn(20);
  const { ok = 0, ...lost } = await load.stop();
  expect(lost, load.complaints.join('\n')).toEqual({});
  expect(ok).toBeGreaterThan(40);
}

async function untilBusyWith(uri: string): Promise<number> {
  return until(async () => {
    const { workers } = await daemon.pool('site');
    return workers.find(({ current }) => current?.some((request) => request.uri === uri))?.pid ?? undefined;
  });
}

describe('status', () => {
  test('shows what each worker does, for how long, and how much it has done', async () => {
    await serve('workers = 1');
    for (const path of ['/a', '/b']) expect((await visit(path)).status).toBe(200);
    const streamed = visit('/streams?1.5');
    await untilBusyWith('/streams?1.5');
    const text = (await daemon.fcgictl('status', '--workers')).stdout;
    expect(text).toMatch(/site\/1 +\d+ +ready .* 2 .* GET \/streams\?1\.5 \d/);
    const [worker] = (await daemon.pool('site')).workers;
    const request = { method: 'GET', uri: '/streams?1.5', remote: '127.0.0.1' };
    expect(worker).toMatchObject({ requests: 2, busy: 1, current: [request] });
    expect(worker?.current?.[0]?.bytes).toBeGreaterThan('first\n'.length);
    expect(worker?.current?.[0]?.ageMs).toBeLessThan(10_000);
    expect((await streamed).status).toBe(200);
    await until(async () => (await daemon.pool('site')).workers[0]?.busy === 0);
  });

  test.each(['prefork', 'threaded'])(
    'counts and names what the death of a %s worker cuts',
    async (method) => {
      const threads = method === 'threaded' ? ', threads = 4' : '';
      await serve('workers = 1', `, method = "${method}"${threads}`);
      const paths = method === 'threaded' ? ['/sleeps?30', '/sleeps?31', '/sleeps?32'] : ['/sleeps?30'];
      const visits = paths.map(visit);
      for (const path of paths) await untilBusyWith(path);
      process.kill(await untilBusyWith('/sleeps?30'), 'SIGKILL');
      for (const answer of await Promise.all(visits)) expect(answer.status).toBe(502);
      const { cutRequests, lastExit } = await until(async () => {
        const pool = await daemon.pool('site');
        return pool.state === 'running' && pool.restarts === 1 ? pool : undefined;
      });
      expect(cutRequests).toBe(paths.length);
      for (const path of paths) expect(lastExit?.reason).toContain(`GET ${path}`);
      expect((await daemon.fcgictl('status')).stdout).toMatch(/site: \d requests? cut by the end/);
      expect((await daemon.logged('worker.died')).msg).toContain('this cut ');
    },
  );
});

describe('a slow request', () => {
  test('of an application that has given up SIGUSR2 is told without its stacks, and served', async () => {
    await serve('workers = 1\nslow_request = "300ms"');
    expect((await visit('/deaf?1')).status).toBe(200);
    const { traceback } = await daemon.logged('request.slow');
    expect(traceback).toEqual(['no traceback came from the worker']);
    expect((await daemon.pool('site')).restarts).toBe(0);
  });

  test('leaves the line where it was in the slow log, once, and is served; the log can be rotated', async () => {
    const log = workspace.file('slow.log');
    await serve(`workers = 2\nslow_request = "500ms"\nslow_log = "${log}"`);
    await underLoad(async () => {
      expect((await visit('/sleeps?1.5')).status).toBe(200);
    });
    const read = (): string => readFileSync(log, 'utf8');
    expect(read()).toMatch(
      / pool site worker site\/\d pid \d+: GET \/sleeps\?1\.5 from 127\.0\.0\.1 has run for 0/,
    );
    expect(read()).toMatch(/takes_its_time\.py", line 9 in application/);
    expect(read().match(/has run for/g)).toHaveLength(1);
    renameSync(log, `${log}.1`);
    await visit('/sleeps?1.2');
    expect(read()).toContain('GET /sleeps?1.2');
    expect(read()).not.toContain('1.5');
  });

  test('is told in the log of the daemon where there is no other', async () => {
    await serve('workers = 1\nslow_request = "300ms"', ', method = "threaded", threads = 2, preload = false');
    await Promise.all([visit('/sleeps?1'), visit('/sleeps?1.1')]);
    const line = await daemon.logged('request.slow');
    expect(line).toMatchObject({ worker: 'site/1', method: 'GET', remote: '127.0.0.1' });
    expect(String(line['traceback'])).toContain('takes_its_time.py", line 9 in application');
  });
});

describe('a request that takes too long', () => {
  test('is answered 500 by a worker that is replaced, while others lose nothing', async () => {
    await serve('workers = 2\nrequest_timeout = "700ms"');
    await underLoad(async () => {
      expect((await visit('/sleeps?30')).status).toBe(500);
      await until(async () => (await daemon.pool('site')).recycled === 1);
    });
    const pool = await daemon.pool('site');
    expect(pool).toMatchObject({ cutRequests: 0, restarts: 0, recycled: 1 });
    expect(pool.timeouts).toEqual({ interrupted: 1, left: 0, killed: 0 });
    expect(pool.lastTimeout).toMatchObject({ how: 'interrupted', method: 'GET', uri: '/sleeps?30' });
  });

  test('ends with its worker where C code holds the interpreter, while others lose nothing', async () => {
    await serve('workers = 2\nrequest_timeout = "700ms"');
    await underLoad(async () => {
      expect((await visit('/holds')).status).toBe(502);
      await until(async () => (await daemon.pool('site')).state === 'running');
    });
    const pool = await daemon.pool('site');
    expect(pool.timeouts).toEqual({ interrupted: 0, left: 0, killed: 1 });
    expect(pool).toMatchObject({ cutRequests: 0, restarts: 1 });
    expect(pool.lastExit?.reason).toMatch(
      /^was killed: GET \/holds had run for \S+ s and could not be interrupted$/,
    );
  });

  test('is left behind by a threaded worker when its other threads have finished', async () => {
    await serve('workers = 1\nrequest_timeout = "1500ms"', ', method = "threaded", threads = 4');
    await underLoad(async () => {
      const stuck = visit('/sleeps?30');
      const pid = await untilBusyWith('/sleeps?30');
      await until(async () => {
        const ages = (await daemon.pool('site')).workers.flatMap(({ current }) => current ?? []);
        return ages.some(({ uri, ageMs }) => uri === '/sleeps?30' && ageMs > 700);
      });
      const fine = await visit('/sleeps?1.3');
      expect([fine.status, fine.body.toString()]).toEqual([200, `${pid} GET /sleeps?1.3\n`]);
      expect((await stuck).status).toBe(502);
    });
    const pool = await daemon.pool('site');
    expect(pool.timeouts).toEqual({ interrupted: 0, left: 1, killed: 0 });
    expect(pool).toMatchObject({ cutRequests: 0, restarts: 0, recycled: 1, state: 'running' });
  });
});

describe('a stop that waits for a request', () => {
  let cut: ReturnType<typeof visit>;
  let workers: readonly number[];
  let stopping: ReturnType<TestDaemon['fcgictl']>;

  async function stopWhileBusy(...words: readonly string[]): Promise<void> {
    await serve('workers = 2\ngraceful_timeout = "60s"');
    workers = await daemon.workerPids('site');
    cut = visit('/sleeps?60');
    await untilBusyWith('/sleeps?60');
    stopping = daemon.fcgictl(...words);
    await until(async () => (await daemon.pool('site')).state === 'stopping');
  }

  async function expectCut(): Promise<void> {
    expect((await cut).status).toBe(502);
    expect(await daemon.logged('requests.cut')).toMatchObject({ requests: [{ uri: '/sleeps?60' }] });
    expect(workspace.processes().filter(({ pid }) => workers.includes(pid))).toEqual([]);
  }

  test('is over when --now kills the workers, and the log names what that cut', async () => {
    await stopWhileBusy('stop', 'site');
    const stopped = { status: 0, stdout: 'site: stopped\n' };
    expect(await daemon.fcgictl('stop', '--now', 'site')).toMatchObject(stopped);
    expect(await stopping).toMatchObject(stopped);
    await expectCut();
    expect((await daemon.pool('site')).cutRequests).toBe(1);
  });

  test('is over for the whole daemon, too', async () => {
    await stopWhileBusy('stop');
    const ended = { status: 0, stdout: 'site: stopped\nrunfcgid has ended\n' };
    expect(await daemon.fcgictl('stop', '--now')).toMatchObject(ended);
    expect(await stopping).toMatchObject(ended);
    expect(await daemon.ended()).toBe(0);
    await expectCut();
  });

  test('and for a restart is over when that is said with --now, and new workers serve', async () => {
    await stopWhileBusy('restart', '--hard', 'site');
    const running = { status: 0, stdout: 'site: running with 2 workers\n' };
    expect(await daemon.fcgictl('restart', '--now', 'site')).toMatchObject(running);
    expect(await stopping).toMatchObject(running);
    await expectCut();
    expect((await visit('/page')).status).toBe(200);
  });
});
