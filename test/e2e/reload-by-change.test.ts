import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

interface PoolText {
  readonly listen: string;
  readonly workers: number;
  readonly release?: number;
  readonly fixture?: string;
  readonly more?: string;
}

/** A pool under load and a neighbour that shares nothing with it but the daemon. */
function poolsText({
  listen,
  workers,
  release = 1,
  fixture = 'aborts-on-sigterm',
  more = '',
}: PoolText): string {
  const command = `command = ["${repository}/test/fixtures/${fixture}"]`;
  return `
[pools.site]
${command}
listen = "${listen}"
workers = ${workers}
environment = { RELEASE = "${release}" }
${more}

[pools.neighbour]
${command}
listen = "unix:${workspace.file('neighbour.sock')}"
workers = 2
`;
}

interface LoadText extends Pick<PoolText, 'fixture' | 'more'> {
  readonly clients?: number;
  readonly path?: (count: number) => string;
}

async function serve(
  listen: string,
  { fixture = 'aborts-on-sigterm', clients = 16, more = '', path }: LoadText = {},
): Promise<{ daemon: TestDaemon; load: SteadyLoad }> {
  const config = writeConfig(workspace, poolsText({ listen, workers: 3, fixture, more }));
  const daemon = await TestDaemon.start(workspace, config);
  return { daemon, load: await loadOn(listen, clients, path) };
}

async function loadOn(
  listen: string,
  clients: number,
  path?: (count: number) => string,
): Promise<SteadyLoad> {
  const nginx = await startNginx(workspace, listen);
  const load = new SteadyLoad({ nginx, clients, ...(path && { path }) });
  workspace.onClose(() => load.stop());
  return load;
}

/** Workers that serve, without those that drain or leave. */
async function pidsOfLive(daemon: TestDaemon): Promise<readonly number[]> {
  const { generation, workers } = await daemon.pool('site');
  const live = workers.filter((worker) => worker.generation === generation && worker.state === 'ready');
  return live.flatMap(({ pid }) => pid ?? []);
}

async function run(daemon: TestDaemon, ...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await daemon.fcgictl(...words);
  expect(status, `${words.join(' ')}: ${stdout}${stderr}`).toBe(0);
  return stdout;
}

async function expectNothingLost(load: SteadyLoad): Promise<void> {
  await load.goOn(20);
  const { ok = 0, ...lost } = await load.stop();
  expect(lost, load.complaints.join('\n')).toEqual({});
  expect(ok).toBeGreaterThan(20);
}

const places = [
  { place: 'a Unix socket', address: async () => `unix:${workspace.file('site.sock')}` },
  { place: 'TCP', address: async () => `127.0.0.1:${await freePort()}` },
];

describe.each(places)('under load on $place', ({ address }) => {
  // Workers leave a socket that others go on serving at a moment without a request.
  test.each([
    { title: 'aborts on SIGTERM, with a moment now and then', fixture: 'aborts-on-sigterm', clients: 2 },
    { title: 'behaves, with a moment now and then', fixture: 'answers', clients: 2 },
  ])('scaling a program that $title, loses no request and keeps the workers that stay', async (options) => {
    const { daemon, load } = await serve(await address(), options);
    const three = await pidsOfLive(daemon);
    for (let round = 0; round < 2; round += 1) {
      await run(daemon, 'scale', 'site', '6');
      const six = await pidsOfLive(daemon);
      expect([six.length, six]).toEqual([6, expect.arrayContaining([...three])]);
      await load.goOn(50);
      await run(daemon, 'scale', 'site', '3');
      await load.goOn(50);
    }
    expect(await pidsOfLive(daemon)).toEqual(three);
    await expectNothingLost(load);
  });

  // With more requests than workers at any time there is hardly a moment in which one could leave.
  test.each([8, 64])(
    'scaling a program that aborts on SIGTERM loses no request of %i clients',
    async (clients) => {
      // Long enough for 64 clients to keep the queue full, however little of the machine they get.
      const path = (count: number): string => `/page?number=${count}&seconds=${0.05 + (count % 4) / 20}`;
      const more = 'graceful_timeout = "1s"';
      const { daemon, load } = await serve(await address(), { clients, more, path });
      const told: string[] = [];
      for (let round = 0; round < 2; round += 1) {
        await run(daemon, 'scale', 'site', '6');
        expect(await pidsOfLive(daemon)).toHaveLength(6);
        await load.goOn(100);
        told.push(await run(daemon, 'scale', 'site', '2'));
        const { generation, workers } = await daemon.pool('site');
        expect(workers.filter((worker) => worker.generation === generation).length).toBe(2);
        await load.goOn(100);
      }
      expect(told.join()).not.toContain('in hand');
      if (clients === 64) expect(told.join()).toContain('they are new ones');
      await expectNothingLost(load);
    },
  );

  test('where new workers are refused, scaling says how many connections it cut', async () => {
    const program = workspace.write(
      'program',
      readFileSync(`${repository}/test/fixtures/aborts-on-sigterm`, 'utf8'),
    );
    chmodSync(program, 0o755);
    const listen = await address();
    const text = poolsText({ listen, workers: 3, more: 'graceful_timeout = "1s"' });
    const config = writeConfig(workspace, text.replace(/"[^"]*aborts-on-sigterm"/, `"${program}"`));
    const daemon = await TestDaemon.start(workspace, config);
    const load = await loadOn(listen, 32, (count) => `/page?number=${count}&seconds=0.2`);
    await load.goOn(50);
    writeFileSync(program, '#!/bin/false\n');
    const told = await run(daemon, 'scale', 'site', '1');
    expect(told).toMatch(
      /^site: running with 1 worker; [12] workers? (was|were) told to end with [12] connections? in hand/,
    );
    const { ok = 0, ...lost } = await load.stop();
    expect(ok).toBeGreaterThan(50);
    // One for each worker that was told to end: no other request suffers.
    expect(Object.values(lost).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(2);
    expect(daemon.log.filter(({ event }) => event === 'worker.cut').length).toBeGreaterThan(0);
  });

  test('a changed configuration loses no request, and touches nobody whom it does not concern', async () => {
    const listen = await address();
    const { daemon, load } = await serve(listen);
    const neighbours = await daemon.workerPids('neighbour');
    let before = await pidsOfLive(daemon);
    for (let release = 2; release < 5; release += 1) {
      writeConfig(workspace, poolsText({ listen, workers: 3, release }));
      await run(daemon, 'reload', '--config');
      load.expectNoMoreFrom(before);
      const after = await pidsOfLive(daemon);
      expect([after.length, after.filter((pid) => before.includes(pid))]).toEqual([3, []]);
      before = after;
      await load.goOn(50);
    }
    writeConfig(workspace, poolsText({ listen, workers: 5, release: 4 }));
    await run(daemon, 'reload', '--config');
    expect(await pidsOfLive(daemon)).toEqual([...before, expect.any(Number), expect.any(Number)]);
    expect(await daemon.workerPids('neighbour')).toEqual(neighbours);
    await expectNothingLost(load);
  });

  test('a moved address loses no request: the old one drains while the new one serves', async () => {
    const old = await address();
    const moved = old.startsWith('unix:') ? old.replace('site.sock', 'moved.sock') : await address();
    const { daemon, load } = await serve(old);
    const before = await daemon.workerPids('site');
    const nginx = await startNginx(workspace, moved);
    // What the web server has sent to the old address by then must be answered; it sends no more after `stop`.
    await load.goOn(100);
    const stopped = load.stop();
    writeConfig(workspace, poolsText({ listen: moved, workers: 3 }));
    await run(daemon, 'reload', '--config');
    const later = new SteadyLoad({ nginx, clients: 16 });
    later.expectNoMoreFrom(before);
    workspace.onClose(() => later.stop());
    const { ok = 0, ...lost } = await stopped;
    expect(lost, load.complaints.join('\n')).toEqual({});
    expect(ok).toBeGreaterThan(100);
    await expectNothingLost(later);
  });
});
