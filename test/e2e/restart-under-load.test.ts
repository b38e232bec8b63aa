import { afterEach, beforeEach, expect, test } from 'vitest';
import { runClosedLoop } from '../helpers/closed-loop.ts';
import { TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { demoPool, migrateDemo } from '../helpers/demo-site.ts';
import type { HttpAnswer } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { Workspace } from '../helpers/workspace.ts';

const requests = 2_000;
const restarts = 5;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

test('2,000 requests and more, during five restarts, are all answered', async () => {
  await migrateDemo(workspace);
  const listen = `unix:${workspace.file('mysite.sock')}`;
  const pool = demoPool(workspace, listen, 'method = "prefork"', 'workers = 3');
  const daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
  const { url } = await startNginx(workspace, listen);
  const seen = new Set<number>();
  const judge = ({ status, body }: HttpAnswer): string => {
    if (status !== 200) return `status ${status}`;
    seen.add(JSON.parse(body.toString()).pid);
    return 'ok';
  };
  let isRestarting = true;
  const load = runClosedLoop({
    url: `${url}/worker.json`,
    requests,
    clients: 8,
    judge,
    mayEnd: () => !isRestarting,
  });
  for (let round = 0; round < restarts; round += 1) {
    const before = await daemon.workerPids('mysite');
    const { status, stdout } = await daemon.fcgictl('restart', 'mysite');
    expect([status, stdout]).toEqual([0, 'mysite: running with 3 workers\n']);
    expect((await daemon.workerPids('mysite')).filter((pid) => before.includes(pid))).toEqual([]);
  }
  isRestarting = false;
  const { ok = 0, ...others } = await load;
  expect(others).toEqual({});
  expect(ok).toBeGreaterThanOrEqual(requests);
  // Every set of workers had a part in it.
  expect(seen.size).toBeGreaterThan(restarts);
});
