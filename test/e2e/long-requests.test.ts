import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { ask, type HttpAnswer } from '../helpers/http-client.ts';
import { type Nginx, startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;
let daemon: TestDaemon;
let nginx: Nginx;
/** Requests begun by `beginVisit`. */
let begun = 0;

/** What two clocks may differ by. */
const clockGrainMs = 100;

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

/** A request that lasts until `finish` is called. */
function beginVisit(kind: string): {
  readonly uri: string;
  readonly answer: Promise<HttpAnswer>;
  finish(): void;
} {
  begun += 1;
  const file = workspace.file(`finish-${begun}`);
  const uri = `/${kind}?${file}`;
  return { uri, answer: visit(uri), finish: () => writeFileSync(file, '') };
}

describe('status', () => {
  test('shows what each worker does, for how long, and how much it has done', async () => {
    await serve('workers = 1');
    for (const path of ['/a', '/b']) expect((await visit(path)).status).toBe(200);
    const beginMs = performance.now();
    const { uri, answer, finish } = beginVisit('streams');
    await untilBusyWith(uri);
    const [worker] = await until(async () => {
      const { workers } = await daemon.pool('site');
      return (workers[0]?.current?.[0]?.bytes ?? 0) > 'first\n'.length ? workers : undefined;
    });
    const request = { method: 'GET', uri, remote: '127.0.0.1' };
    expect(worker).toMatchObject({ requests: 2, busy: 1, current: [request] });
    expect(worker?.current?.[0]?.ageMs).toBeLessThan(performance.now() - beginMs + clockGrainMs);
    const text = (await daemon.fcgictl('status', '--workers')).stdout;
    expect(text).toMatch(/site\/1 +\d+ +ready .* 2 .* GET \/streams\?\S+ \d/);
    finish();
    expect((await answer).status).toBe(200);
    await until(async () => (await daemon.pool('site')).workers[0]?.busy === 0);
  });

  test.each(['prefork', 'threaded'])(
    'counts and names what the death of a %s worker cuts',
    async (method) => {
      const threads = method === 'threaded' ? ', threads = 4' : '';
      await serve('workers = 1', `, method = "${method}"${threads}`);
      const paths = method === 'threaded' ? ['/sleeps?300', '/sleeps?301', '/sleeps?302'] : ['/sleeps?300'];
      const visits = paths.map(visit);
      for (const path of paths) await untilBusyWith(path);
      process.kill(await untilBusyWith('/sleeps?300'), 'SIGKILL');
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
    const { uri, answer, finish } = beginVisit('deaf');
    const { traceback } = await daemon.logged('request.slow');
    finish();
    expect([uri, (await answer).status]).toEqual([uri, 200]);
    expect(traceback).toEqual(['no traceback came from the worker']);
    expect((await daemon.pool('site')).restarts).toBe(0);
  });

  test('leaves the line where it was in the slow log, once, and is served; the log can be rotated', async () => {
    const log = workspace.file('slow.log');
    const read = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
    await serve(`workers = 2\nslow_request = "500ms"\nslow_log = "${log}"`);
    const first = beginVisit('sleeps');
    await underLoad(async () => {
      await until(() => entryOf(first.uri, read()));
      // Long enough to be told of again and again.
      await until(async () => {
        const requests = (await daemon.pool('site')).workers.flatMap(({ current }) => current ?? []);
        return requests.some(({ uri, ageMs }) => uri === first.uri && ageMs > 2_500);
      });
      first.finish();
      expect((await first.answer).status).toBe(200);
    });
    expect(entryOf(first.uri, read())).toMatch(
      / pool site worker site\/\d pid \d+: GET \S+ from 127\.0\.0\.1 has run for \d.*takes_its_time\.py", line [67] in rest/s,
    );
    expect(read().split(`${first.uri} from`)).toHaveLength(2);
    renameSync(log, `${log}.1`);
    const second = beginVisit('sleeps');
    await until(() => entryOf(second.uri, read()));
    second.finish();
    expect((await second.answer).status).toBe(200);
    expect(read()).not.toContain(`${first.uri} `);
  });

  test('is told in the log of the daemon where there is no other', async () => {
    await serve('workers = 1\nslow_request = "300ms"', ', method = "threaded", threads = 2, preload = false');
    const visits = [beginVisit('sleeps'), beginVisit('sleeps')];
    const line = await daemon.logged('request.slow');
    for (const { answer, finish } of visits) {
      finish();
      expect((await answer).status).toBe(200);
    }
    expect(line).toMatchObject({ worker: 'site/1', method: 'GET', remote: '127.0.0.1' });
    expect(String(line['traceback'])).toMatch(/takes_its_time\.py", line [67] in rest/);
  });
});

/** What the slow log has of a request, to the end of the entry, if it is there already. */
function entryOf(uri: string, log: string): string | undefined {
  return log.split(/^(?=\d{4}-)/m).find((entry) => entry.includes(`${uri} from`));
}

describe('a request that takes too long', () => {
  /** A request of the load reaches it only where the machine stands still for so long. */
  const timeoutMs = 5_000;

  test('is answered 500 by a worker that is replaced, while others lose nothing', async () => {
    await serve(`workers = 2\nrequest_timeout = "${timeoutMs}ms"`);
    await underLoad(async () => {
      expect((await visit('/sleeps?300')).status).toBe(500);
      await until(async () => (await daemon.pool('site')).recycled === 1);
    });
    const pool = await daemon.pool('site');
    expect(pool).toMatchObject({ cutRequests: 0, restarts: 0, recycled: 1 });
    expect(pool.timeouts).toEqual({ interrupted: 1, left: 0, killed: 0 });
    expect(pool.lastTimeout).toMatchObject({ how: 'interrupted', method: 'GET', uri: '/sleeps?300' });
  });

  test('ends with its worker where C code holds the interpreter, while others lose nothing', async () => {
    await serve(`workers = 2\nrequest_timeout = "${timeoutMs}ms"`);
    await underLoad(async () => {
      expect((await visit('/holds')).status).toBe(502);
      await until(async () => {
        const { state, restarts } = await daemon.pool('site');
        return state === 'running' && restarts === 1;
      });
    });
    const pool = await daemon.pool('site');
    expect(pool.timeouts).toEqual({ interrupted: 0, left: 0, killed: 1 });
    expect(pool).toMatchObject({ cutRequests: 0, restarts: 1 });
    expect(pool.lastExit?.reason).toMatch(
      /^was killed: GET \/holds had run for \S+ s and could not be interrupted$/,
    );
  });

  test('is left behind by a threaded worker when its other threads have finished', async () => {
    const settings = `workers = 1\nrequest_timeout = "${2 * timeoutMs}ms"`;
    await serve(settings, ', method = "threaded", threads = 4');
    await underLoad(async () => {
      const stuck = visit('/sleeps?300');
      const pid = await untilBusyWith('/sleeps?300');
      await until(async () => {
        const ages = (await daemon.pool('site')).workers.flatMap(({ current }) => current ?? []);
        return ages.some(({ uri, ageMs }) => uri === '/sleeps?300' && ageMs > timeoutMs);
      });
      const fine = beginVisit('sleeps');
      // From then on the worker takes nothing new; it finishes what is not late.
      await until(async () =>
        (await daemon.pool('site')).workers.some(
          (worker) => worker.pid === pid && worker.state === 'retiring',
        ),
      );
      fine.finish();
      const { status, body } = await fine.answer;
      expect([status, body.toString()]).toEqual([200, `${pid} GET ${fine.uri}\n`]);
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
