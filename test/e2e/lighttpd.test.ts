import { chmodSync, readFileSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fcgictl, repository, writeConfig } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { startLighttpd } from '../helpers/lighttpd.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

/** The daemon as the FastCGI program of lighttpd, whose socket it serves with workers of its own. */
async function startSite(fixture: string) {
  const trigger = workspace.write('site.fcgi', '');
  const config = writeConfig(
    workspace,
    `
[pools.site]
command = ["${repository}/test/fixtures/${fixture}"]
listen = "fd:0"
workers = 3
touch_reload = "${trigger}"
`,
    `log_file = "${workspace.file('runfcgid.log')}"`,
  );
  const program = workspace.write(
    'start-runfcgid',
    `#!/bin/sh\nexec ${process.execPath} ${repository}/bin/runfcgid.js --config ${config}\n`,
  );
  chmodSync(program, 0o755);
  const lighttpd = await startLighttpd(workspace, program);
  const run = (...args: readonly string[]) => fcgictl(workspace, config, ...args);
  /** Once they serve: lighttpd has the socket, and answers, before. */
  const workerPids = async (): Promise<readonly number[]> => {
    const pool = await until(async () => {
      const { stdout } = await run('--json', 'status');
      const [found] = JSON.parse(stdout).pools;
      return found?.state === 'running' && found;
    });
    return pool.workers.map(({ pid }: { pid: number }) => pid);
  };
  return { trigger, lighttpd, run, workerPids };
}

test('a site runs on the socket of lighttpd, and rolls without a loss', async () => {
  const { trigger, lighttpd, run, workerPids } = await startSite('aborts-on-sigterm');
  await until(async () => (await ask(`${lighttpd.url}/hello`)).status === 200);
  const first = await workerPids();
  expect(first).toHaveLength(3);
  const load = new SteadyLoad({ nginx: { url: lighttpd.url, route: {} }, clients: 4 });
  workspace.onClose(() => load.stop());
  await load.goOn(20);

  const reload = await run('reload', 'site');
  expect(reload.status, reload.stderr).toBe(0);
  const second = await workerPids();
  load.expectNoMoreFrom(first);
  await load.goOn(20);

  const later = new Date(Date.now() + 5_000);
  utimesSync(trigger, later, later);
  const third = await until(async () => {
    const pids = await workerPids();
    return pids.length === 3 && !pids.some((pid) => second.includes(pid)) ? pids : undefined;
  });
  expect(third.filter((pid) => first.includes(pid))).toEqual([]);
  await load.goOn(20);

  const { ok, ...others } = await load.stop();
  expect([others, load.complaints]).toEqual([{}, []]);
  expect(ok).toBeGreaterThan(50);
});

test('lighttpd ends the daemon, which ends its workers', async () => {
  const { lighttpd, workerPids } = await startSite('answers');
  await until(async () => (await ask(`${lighttpd.url}/hello`)).status === 200);
  expect(await workerPids()).toHaveLength(3);
  await lighttpd.stop();
  await until(() => workspace.processes().length === 0);
  expect(readFileSync(workspace.file('runfcgid.log'), 'utf8')).toContain('"daemon.stopped"');
});
