import { expect, test } from 'vitest';
import { formatStatus } from '../../../src/status/format.ts';
import type { WorkerSnapshot } from '../../../src/status/snapshot.ts';
import { poolSnapshot, statusOf } from '../../helpers/fake-commands.ts';

const worker: WorkerSnapshot = {
  id: 'web/1',
  pid: 17,
  generation: 1,
  state: 'ready',
  listen: 'unix:/run/runfcgid/web.sock',
  uptimeMs: 65_000,
  restarts: 0,
  memoryBytes: 30 * 1024 * 1024,
  cpuPercent: 0.25,
  connections: 1,
};
const died = { at: '2026-01-01T00:00:00.000Z', worker: 'api/1', pid: 18, cause: 'died' } as const;

test('the table aligns its columns, sums the workers, and quotes what is wrong below it', () => {
  const status = statusOf([
    poolSnapshot({ workers: [worker, { ...worker, id: 'web/2', uptimeMs: 7_000, memoryBytes: null }] }),
    poolSnapshot({
      name: 'api',
      state: 'failed',
      listen: ['127.0.0.1:3034', '[::1]:3034'],
      workersReady: 0,
      restarts: 12,
      queued: null,
      reason: 'exited with status 1 after 0.2 s',
      nextAttemptInMs: 12_400,
      lastExit: { ...died, reason: 'exited', output: ['Traceback:', '\tboom \u001b[31mred'] },
    }),
    poolSnapshot({ name: 'old', state: 'stopped', workersReady: 0, queued: 0 }),
  ]);
  expect(formatStatus(status, { hasColours: false })).toMatchInlineSnapshot(`
    "runfcgid 0.1.0  pid 4242  up 2h5m  45 MB  /etc/runfcgid/runfcgid.toml

    POOL  STATE    WORKERS  LISTEN                       UPTIME  MEMORY   CPU  QUEUE  RESTARTS
    web   running      2/2  unix:/run/runfcgid/web.sock    1m5s   30 MB  0.5%      0         0
    api   failed       0/2  127.0.0.1:3034, [::1]:3034        -       -     -      -        12
    old   stopped      0/2  unix:/run/runfcgid/web.sock       -       -     -      0         0

    api is failed: exited with status 1 after 0.2 s
      next attempt in 12s
      | Traceback:
      |     boom �[31mred
    "
  `);
});

test('a refused reload is told although the pool runs', () => {
  const refusedReload = { at: '2026-01-01T10:00:00.000Z', reason: 'the new workers died', output: ['boom'] };
  const text = formatStatus(statusOf([poolSnapshot({ refusedReload })]), { hasColours: false });
  expect(text).toContain(
    'web refused a reload at 2026-01-01T10:00:00.000Z: the new workers died\n  | boom\n',
  );
});

test('colours stand for states and do not disturb the columns', () => {
  const pools = [poolSnapshot(), poolSnapshot({ name: 'api', state: 'degraded', reason: 'one is down' })];
  const plain = formatStatus(statusOf(pools), { hasColours: false });
  const coloured = formatStatus(statusOf(pools), { hasColours: true });
  expect(coloured).toContain('\u001b[32mrunning ');
  expect(coloured).toContain('\u001b[33mdegraded');
  expect(withoutColours(coloured)).toBe(plain);
});

test('a daemon without pools says so', () => {
  expect(formatStatus(statusOf([]), { hasColours: false })).toContain('No pools are configured.');
});

function withoutColours(text: string): string {
  return text
    .split('\u001b')
    .map((part, index) => (index === 0 ? part : part.replace(/^\[\d+m/, '')))
    .join('');
}
