import { afterEach, beforeEach, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { startNginx } from '../helpers/nginx.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const workers = 4;
const clients = 32;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

const places = [
  { place: 'a Unix socket', address: async () => `unix:${workspace.file('site.sock')}` },
  { place: 'TCP', address: async () => `127.0.0.1:${await freePort()}` },
];

test.each(places)(
  'kill -9 under load on $place costs the requests in hand and no other',
  async ({ address }) => {
    const listen = await address();
    const pool = `
[pools.site]
command = ["${repository}/test/fixtures/answers"]
listen = "${listen}"
workers = ${workers}
`;
    const daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
    const load = new SteadyLoad({ nginx: await startNginx(workspace, listen), clients });
    workspace.onClose(() => load.stop());

    const killed: number[] = [];
    for (const count of [1, workers]) {
      // Long enough for a death not to count as early.
      await until(async () =>
        (await daemon.pool('site')).workers.every(({ uptimeMs }) => (uptimeMs ?? 0) > 1_500),
      );
      await load.goOn(50);
      const victims = (await daemon.workerPids('site')).slice(0, count);
      for (const pid of victims) process.kill(pid, 'SIGKILL');
      killed.push(...victims);
      await until(async () => (await daemon.pool('site')).restarts >= killed.length);
      await until(async () => (await daemon.pool('site')).state === 'running');
    }
    await load.goOn(100);
    const { ok = 0, ...lost } = await load.stop();
    // A worker of this program has one request in hand. nginx answers 502 where no answer had begun.
    const losses = Object.values(lost).reduce((sum, count) => sum + count, 0);
    expect(losses, load.complaints.join('\n')).toBeLessThanOrEqual(killed.length);
    expect(Object.keys(lost).filter((kind) => kind !== 'status 502' && kind !== 'truncated')).toEqual([]);
    expect(ok).toBeGreaterThan(200);
    const { restarts, lastExit } = await daemon.pool('site');
    const died = (): readonly unknown[] =>
      daemon.log.flatMap(({ event, pid }) => (event === 'worker.died' ? [pid] : []));
    // What the daemon has said may still be on its way.
    await until(() => died().length >= killed.length);
    expect(died().toSorted()).toEqual(killed.toSorted());
    expect([restarts, lastExit?.reason]).toEqual([
      killed.length,
      expect.stringContaining('killed by SIGKILL'),
    ]);
  },
);
