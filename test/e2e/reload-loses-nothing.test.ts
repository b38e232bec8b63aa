import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { Workspace } from '../helpers/workspace.ts';

const workers = 4;
const reloads = 5;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

interface Program {
  readonly fixture: string;
  /** Its `graceful_timeout`. */
  readonly graceful: string;
}

interface Site {
  readonly name: string;
  readonly listen: string;
  readonly clients: number;
}

/** The same program on a Unix socket and on a port, each once for few clients and once for many. */
async function sites(): Promise<readonly Site[]> {
  return [
    { name: 'unix-few', listen: `unix:${workspace.file('few.sock')}`, clients: 8 },
    { name: 'unix-many', listen: `unix:${workspace.file('many.sock')}`, clients: 64 },
    { name: 'tcp-few', listen: `127.0.0.1:${await freePort()}`, clients: 8 },
    { name: 'tcp-many', listen: `127.0.0.1:${await freePort()}`, clients: 64 },
  ];
}

function poolText({ name, listen }: Site, { fixture, graceful }: Program): string {
  return `
[pools.${name}]
command = ["${repository}/test/fixtures/${fixture}"]
listen = "${listen}"
workers = ${workers}
graceful_timeout = "${graceful}"
environment = { WORK_LOG = "${workspace.file(`${name}.work`)}", WORK_SECONDS = "0.05" }
`;
}

async function serve(
  program: Program,
): Promise<{ daemon: TestDaemon; loads: ReadonlyMap<string, SteadyLoad> }> {
  const all = await sites();
  const config = writeConfig(workspace, all.map((site) => poolText(site, program)).join(''));
  const daemon = await TestDaemon.start(workspace, config);
  const loads = new Map<string, SteadyLoad>();
  for (const { name, listen, clients } of all) {
    const load = new SteadyLoad({ nginx: await startNginx(workspace, listen), clients });
    workspace.onClose(() => load.stop());
    loads.set(name, load);
  }
  return { daemon, loads };
}

/** Reloads every pool under load; whoever served before must not get a request any more. */
async function reload(daemon: TestDaemon, loads: ReadonlyMap<string, SteadyLoad>): Promise<void> {
  const before = await daemon.status();
  const { status, stderr } = await daemon.fcgictl('restart');
  expect(status, stderr).toBe(0);
  for (const { name, workers } of before.pools) {
    loads.get(name)?.expectNoMoreFrom(workers.flatMap(({ pid }) => pid ?? []));
  }
  await Promise.all([...loads.values()].map((load) => load.goOn(10)));
}

async function stopAll(loads: ReadonlyMap<string, SteadyLoad>): Promise<Readonly<Record<string, unknown>>> {
  await Promise.all([...loads.values()].map((load) => load.stop()));
  return Object.fromEntries([...loads].map(([name, { tally, complaints }]) => [name, { tally, complaints }]));
}

function onlyOk(loads: ReadonlyMap<string, SteadyLoad>): unknown {
  return Object.fromEntries(
    [...loads].map(([name, { tally }]) => [name, { tally: { ok: tally['ok'] }, complaints: [] }]),
  );
}

describe('reloads under load lose no request, on Unix sockets and on TCP, with few clients and many', () => {
  test.each([
    { title: 'aborts on SIGTERM', fixture: 'aborts-on-sigterm', graceful: '500ms' },
    { title: 'ignores SIGTERM', fixture: 'ignores-sigterm', graceful: '500ms' },
    { title: 'behaves', fixture: 'answers', graceful: '500ms' },
    // It must have the time for its work, which nobody sees who looks at its connections.
    { title: 'works on after the response', fixture: 'works-after-response', graceful: '60s' },
  ])('of a program that $title', async (program) => {
    const { fixture } = program;
    const { daemon, loads } = await serve(program);
    for (let count = 0; count < reloads; count += 1) await reload(daemon, loads);
    expect(await stopAll(loads)).toEqual(onlyOk(loads));
    await daemon.stop();
    if (fixture !== 'works-after-response') return;
    for (const [name, { tally }] of loads) {
      const done = readFileSync(workspace.file(`${name}.work`), 'utf8').split('\n').length - 1;
      expect([name, done]).toEqual([name, tally['ok']]);
    }
  });
});
