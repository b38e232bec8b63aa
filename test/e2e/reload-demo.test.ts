import { cpSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { demoDirectory, demoPool, migrateDemo } from '../helpers/demo-site.ts';
import type { HttpAnswer } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

/** A copy of the demo that can be deployed to: its answers name the release that is in its code. */
class Deployment {
  readonly directory = workspace.file('demo');
  readonly #views = `${this.directory}/pages/views.py`;
  readonly #original: string;

  constructor() {
    cpSync(demoDirectory, this.directory, { recursive: true });
    this.#original = readFileSync(this.#views, 'utf8');
  }

  /** Writes the code of a release, and touches the file as the book says. */
  deploy(release: number, mistake = ''): void {
    this.write(release, mistake);
    const now = new Date();
    utimesSync(`${this.directory}/mysite.fcgi`, now, now);
  }

  write(release: number, mistake = ''): void {
    const facts = 'return {\n        **worker_facts(request.environ),';
    const code = this.#original.replace(facts, `${facts}\n        "release": ${release},`);
    if (code === this.#original) throw new Error('the demo has changed: nowhere to write a release');
    writeFileSync(this.#views, `${code}\n${mistake}\n`);
  }
}

/** Reads the release of each answer: once a newer one was seen, no request that begins later may see an older. */
function releaseReader(seen: number[]): (answer: HttpAnswer) => string | undefined {
  return ({ body }) => {
    const release: unknown = JSON.parse(body.toString()).release;
    if (typeof release !== 'number') return undefined;
    if (release !== seen.at(-1)) seen.push(release);
    return `release ${release}`;
  };
}

async function serve(
  deployment: Deployment,
  seen: number[],
  isPreloaded = true,
): Promise<{ daemon: TestDaemon; load: SteadyLoad }> {
  await migrateDemo(workspace);
  const listen = `unix:${workspace.file('mysite.sock')}`;
  const pool = demoPool(
    workspace,
    listen,
    `method = "prefork", preload = ${isPreloaded}`,
    'workers = 2\ntouch_reload = "mysite.fcgi"',
  );
  const config = writeConfig(workspace, pool.replace(demoDirectory, deployment.directory));
  const daemon = await TestDaemon.start(workspace, config);
  const load = new SteadyLoad({
    nginx: await startNginx(workspace, listen),
    clients: 8,
    path: () => '/worker.json',
    reader: releaseReader(seen),
  });
  workspace.onClose(() => load.stop());
  return { daemon, load };
}

test('code that is deployed with a touch goes live once and never back, and broken code never', async () => {
  const deployment = new Deployment();
  const seen: number[] = [];
  deployment.write(1);
  const { daemon, load } = await serve(deployment, seen);
  await load.goOn(20);

  for (const release of [2, 3, 4]) {
    deployment.deploy(release);
    await until(() => seen.at(-1) === release);
    load.expectNoMoreFrom([`release ${release - 1}`]);
    await load.goOn(50);
  }

  const mark = daemon.log.length;
  deployment.deploy(5, 'def broken(:');
  const refused = await daemon.logged('reload.refused', undefined, mark);
  expect(refused.msg).toContain('SyntaxError');
  const { state, refusedReload } = await daemon.pool('mysite');
  expect(state).toBe('running');
  expect(refusedReload?.output.join('\n')).toContain('def broken(:');
  await load.goOn(50);
  expect(seen.at(-1)).toBe(4);

  deployment.deploy(6);
  await until(() => seen.at(-1) === 6);
  load.expectNoMoreFrom(['release 4']);
  await load.goOn(50);
  await until(async () => (await daemon.pool('mysite')).refusedReload === null);

  const { ok = 0, ...lost } = await load.stop();
  expect(lost, load.complaints.join('\n')).toEqual({});
  expect(ok).toBeGreaterThan(200);
  expect(new Set(seen)).toEqual(new Set([1, 2, 3, 4, 6]));
});

test('a dead worker comes back with the code that was proven, also after a deploy that is refused', async () => {
  const deployment = new Deployment();
  const seen: number[] = [];
  deployment.write(1);
  const { daemon, load } = await serve(deployment, seen);
  await load.goOn(20);
  const mark = daemon.log.length;
  deployment.deploy(2, 'raise RuntimeError("not this one")');
  await daemon.logged('reload.refused', undefined, mark);
  const [victim = 0] = await daemon.workerPids('mysite');
  process.kill(victim, 'SIGKILL');
  await until(async () => {
    const { state, restarts } = await daemon.pool('mysite');
    return state === 'running' && restarts === 1;
  });
  await load.goOn(50);
  const { ok = 0, ...lost } = await load.stop();
  expect(Object.values(lost).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1);
  expect(ok).toBeGreaterThan(60);
  expect(new Set(seen)).toEqual(new Set([1]));
});

test('code that was not proven never gets into a live pool by way of a dead worker', async () => {
  const deployment = new Deployment();
  const seen: number[] = [];
  deployment.write(1);
  const { daemon, load } = await serve(deployment, seen, false);
  await load.goOn(20);
  const [victim = 0, survivor = 0] = await daemon.workerPids('mysite');

  // The daemon hears of the touch only after it has settled; the worker dies before.
  deployment.deploy(2, 'raise RuntimeError("not this one")');
  const mark = daemon.log.length;
  process.kill(victim, 'SIGKILL');
  await daemon.logged('worker.held', undefined, mark);
  await daemon.logged('reload.refused', undefined, mark);
  await load.goOn(50);
  const degraded = await daemon.pool('mysite');
  expect(degraded.state).toBe('degraded');
  expect(`${degraded.reason}\n${degraded.refusedReload?.output.join('\n')}`).toContain('not this one');
  const ready = degraded.workers.filter((worker) => worker.state === 'ready');
  expect(ready.map(({ pid }) => pid)).toEqual([survivor]);

  deployment.deploy(3);
  await until(() => seen.at(-1) === 3);
  load.expectNoMoreFrom(['release 1']);
  await until(async () => (await daemon.pool('mysite')).state === 'running');
  await load.goOn(20);
  const { ok = 0, ...lost } = await load.stop();
  // The worker that was killed had one request in hand at most.
  expect(Object.values(lost).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1);
  expect(ok).toBeGreaterThan(80);
  expect(new Set(seen)).toEqual(new Set([1, 3]));
});
