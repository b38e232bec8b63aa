import { expect, test } from 'vitest';
import { formatStatus } from '../../../src/status/format.ts';
import type { ForkServerSnapshot, WorkerSnapshot } from '../../../src/status/snapshot.ts';
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
  requests: null,
  busy: null,
  current: null,
};
const plain = { hasColours: false, hasWorkers: false, width: undefined };
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
  expect(formatStatus(status, plain)).toMatchInlineSnapshot(`
    "runfcgid 0.1.0  pid 4242  up 2h5m  45 MB  /etc/runfcgid/runfcgid.toml

    POOL  STATE    WORKERS  BUSY  LISTEN                       UPTIME  MEMORY   CPU  QUEUE  RESTARTS
    web   running      2/2     2  unix:/run/runfcgid/web.sock    1m5s   30 MB  0.5%      0         0
    api   failed       0/2     -  127.0.0.1:3034, [::1]:3034        -       -     -      -        12
    old   stopped      0/2     -  unix:/run/runfcgid/web.sock       -       -     -      0         0

    api is failed: exited with status 1 after 0.2 s
      next attempt in 12s
      | Traceback:
      |     boom �[31mred
    "
  `);
});

test('a worker that died is no reason for a pool that was asked to stop', () => {
  const lastExit = { ...died, reason: 'killed by SIGKILL', output: ['boom'] };
  const text = formatStatus(
    statusOf([
      poolSnapshot({ state: 'stopping', lastExit }),
      poolSnapshot({ name: 'api', state: 'stopped', lastExit }),
    ]),
    plain,
  );
  expect(text).not.toMatch(/SIGKILL|boom/);
});

const refusedReload = { at: '2026-01-01T02:00:00.000Z', reason: 'the new workers died', output: ['boom'] };

test('a refused reload is told although the pool runs', () => {
  const text = formatStatus(statusOf([poolSnapshot({ refusedReload })]), plain);
  expect(text).toContain(
    `
web: reload refused 5m ago (2026-01-01T02:00:00.000Z): the new workers died
  the workers from before (generation 1) go on serving
  | boom
`,
  );
});

test('a pool that is down too does not claim that its old workers serve', () => {
  const pool = poolSnapshot({ refusedReload, state: 'failed', reason: 'they died too' });
  expect(formatStatus(statusOf([pool]), plain)).not.toContain('go on serving');
});

test('generations that rise and leave, and the last trigger, are told below the table', () => {
  const text = formatStatus(
    statusOf([
      poolSnapshot({
        generations: [
          { number: 1, phase: 'draining', workers: 2, ready: 2, connections: 1, forkServer: null },
          { number: 2, phase: 'live', workers: 2, ready: 2, connections: 0, forkServer: null },
          { number: 3, phase: 'proving', workers: 2, ready: 1, connections: 0, forkServer: null },
        ],
        lastTrigger: { at: '2026-01-01T02:04:57.000Z', summary: 'mysite.fcgi' },
      }),
      poolSnapshot({
        name: 'api',
        generations: [
          { number: 1, phase: 'yielding', workers: 1, ready: 1, connections: null, forkServer: null },
          { number: 2, phase: 'stopping', workers: 3, ready: 0, connections: 0, forkServer: null },
        ],
      }),
    ]),
    plain,
  );
  expect(text.split('\n').slice(-6)).toEqual([
    'web: generation 1 draining: 1 connection',
    'web: generation 3 proving: 1 of 2 workers ready (proof: accept)',
    'web: last trigger mysite.fcgi, 3s ago',
    'api: generation 1 yielding: 1 worker left, connections unknown',
    'api: generation 2 stopping: 3 workers left',
    '',
  ]);
});

test('what to do is told in place of what workers wrote earlier', () => {
  const pool = poolSnapshot({
    state: 'failed',
    reason: 'cannot listen on unix:/run/web.sock: there is no directory /run/web',
    advice: 'Make it for the user of the daemon: mkdir -p /run/web',
    nextAttemptInMs: 12_000,
    lastExit: { ...died, reason: 'killed by SIGKILL', output: ['boom'] },
  });
  expect(
    formatStatus(statusOf([pool]), plain)
      .split('\n')
      .slice(-4),
  ).toEqual([
    'web is failed: cannot listen on unix:/run/web.sock: there is no directory /run/web',
    '  Make it for the user of the daemon: mkdir -p /run/web',
    '  next attempt in 12s',
    '',
  ]);
});

test('a fork server is told of beside the workers, and always when it is missed', () => {
  const statusWith = (forkServer: ForkServerSnapshot | null) =>
    statusOf([
      poolSnapshot({
        generations: [{ number: 1, phase: 'live', workers: 2, ready: 2, connections: 0, forkServer }],
      }),
    ]);
  const living = statusWith({ pid: 9, isLost: false, memoryBytes: 44 * 1024 * 1024, warnings: [] });
  const beside = { ...plain, hasWorkers: true };
  expect(formatStatus(living, beside)).toContain('web: the workers are forked from pid 9 (44 MB)\n');
  expect(formatStatus(living, plain)).not.toContain('forked');
  const doubtful = statusWith({
    pid: 9,
    isLost: false,
    memoryBytes: null,
    warnings: ['a thread is missing'],
  });
  expect(formatStatus(doubtful, plain)).toContain('web: warning: a thread is missing\n');
  const lost = statusWith({ pid: null, isLost: true, memoryBytes: null, warnings: [] });
  const words = 'web: the fork server has ended; a new generation follows when one of the workers ends\n';
  expect(formatStatus(lost, plain)).toContain(words);
  const starting = statusWith({ pid: null, isLost: false, memoryBytes: null, warnings: [] });
  for (const status of [starting, statusWith(null)]) {
    expect(formatStatus(status, beside)).not.toContain('fork');
  }
});

test('what was recycled is told below the table', () => {
  const at = '2026-01-01T02:04:57.000Z';
  const last = { at, worker: 'web/3', reason: 'max_requests', detail: '1000 requests' };
  const text = formatStatus(statusOf([poolSnapshot({ recycled: 7, lastRecycling: last })]), plain);
  expect(text).toContain('web: 7 workers recycled, the last (web/3) 3s ago: max_requests, 1000 requests\n');
  expect(formatStatus(statusOf([poolSnapshot()]), plain)).not.toContain('recycled');
});

test('the workers have a table of their own when it is asked for', () => {
  const workers = [
    worker,
    { ...worker, id: 'web/2', generation: 2, pid: null, state: 'backoff', uptimeMs: null, connections: null },
  ] as const;
  const text = formatStatus(statusOf([poolSnapshot({ workers })]), { ...plain, hasWorkers: true });
  expect(text.split('\n').slice(5, -1).join('\n')).toMatchInlineSnapshot(`
    "WORKER  PID  STATE    GENERATION  LISTEN                       UPTIME  REQUESTS  MEMORY   CPU  CONNECTIONS  RESTARTS  NOW
    web/1    17  ready             1  unix:/run/runfcgid/web.sock    1m5s         -   30 MB  0.3%            1         0  busy
    web/2     -  backoff           2  unix:/run/runfcgid/web.sock       -         -   30 MB  0.3%            -         0  -"
  `);
  const none = formatStatus(statusOf([poolSnapshot()]), { ...plain, hasWorkers: true });
  expect(none).not.toContain('CONNECTIONS');
});

test.each([
  { counts: [1, 0], busy: '1' },
  { counts: [2, 3], busy: '2' },
  { counts: [1, null], busy: '-' },
  { counts: [], busy: '-' },
])('with $counts connections $busy workers are busy', ({ counts, busy }) => {
  const workers = counts.map((connections) => ({ ...worker, connections }));
  const line = formatStatus(statusOf([poolSnapshot({ workers })]), plain).split('\n')[3] ?? '';
  expect(line.split(/\s+/)[3]).toBe(busy);
});

test('colours stand for states and do not disturb the columns', () => {
  const pools = [poolSnapshot(), poolSnapshot({ name: 'api', state: 'degraded', reason: 'one is down' })];
  const uncoloured = formatStatus(statusOf(pools), plain);
  const coloured = formatStatus(statusOf(pools), { ...plain, hasColours: true });
  expect(coloured).toContain('\u001b[32mrunning ');
  expect(coloured).toContain('\u001b[33mdegraded');
  expect(withoutColours(coloured)).toBe(uncoloured);
});

test('a daemon without pools says so', () => {
  expect(formatStatus(statusOf([]), plain)).toContain('No pools are configured.');
});

function withoutColours(text: string): string {
  return text
    .split('\u001b')
    .map((part, index) => (index === 0 ? part : part.replace(/^\[\d+m/, '')))
    .join('');
}

test('a worker that shows its requests is shown with the oldest of them', () => {
  const request = { method: 'GET', uri: '/report', remote: '::1', ageMs: 3_200, bytes: 0 };
  const busy = { ...worker, requests: 41, busy: 2, current: [request, { ...request, ageMs: 10 }] };
  const workers = [
    busy,
    { ...busy, current: [{ ...request, uri: `/${'x'.repeat(99)}\u001b` }] },
    { ...busy, current: [] },
    { ...worker, connections: 0 },
  ];
  const text = formatStatus(statusOf([poolSnapshot({ workers })]), { ...plain, hasWorkers: true });
  expect(text.split('\n').slice(6, -1)).toEqual([
    expect.stringMatching(/ 41 .* 0 {2}GET \/report 3s and 1 more$/),
    expect.stringMatching(/ GET \/x{59}… 3s$/),
    expect.stringMatching(/ 41 .* 0 {2}idle$/),
    expect.stringMatching(/ - .* 0 {2}idle$/),
  ]);
});

test('requests that were cut or took too long are told below the table, where there were any', () => {
  const timeouts = { interrupted: 2, left: 0, killed: 1 };
  const last = { worker: 'web/2', how: 'killed', method: 'POST', uri: '/a\nb', ageMs: 32_000 } as const;
  const at = '2026-01-01T02:04:57.000Z';
  const lastCut = { at, worker: 'web/1', method: 'GET', uri: '/a\nb' };
  const pool = poolSnapshot({ cutRequests: 1, lastCut, timeouts, lastTimeout: { ...last, at } });
  const text = formatStatus(statusOf([pool]), plain);
  expect(text).toContain(
    'web: 1 request cut by the end of its worker, the last (web/1) 3s ago: GET /a\u{fffd}b\n',
  );
  expect(text).toContain(
    'web: 3 requests took too long (2 interrupted, 1 ended with its worker),' +
      ' the last (web/2, after 32s) 3s ago: POST /a\u{fffd}b\n',
  );
  const none = { cutRequests: 0, timeouts: { interrupted: 0, left: 0, killed: 0 } };
  expect(formatStatus(statusOf([poolSnapshot(none)]), plain)).not.toContain('request');
});

const problems = [
  'site.toml:8:1: pools.web.wrokers: is not a setting; did you mean "workers"?',
  'site.toml:10:1: pools.web.max_memory: expected a size such as "512K", "200M" or "1G", found "lots"',
];
const misconfigured = poolSnapshot({
  state: 'failed',
  reason: `its configuration has problems: ${problems.join('; ')}`,
  problems,
  advice: 'Mend it, then: fcgictl reload --config',
  listen: [],
});

test('each problem of a configuration that was refused has a line of its own', () => {
  expect(formatStatus(statusOf([misconfigured]), plain)).toContain(
    `\n\nweb is failed: its configuration has problems\n  ${[...problems, 'Mend it, then: fcgictl reload --config'].join('\n  ')}\n`,
  );
});

test('a pool that failed says why, whatever is wrong with a configuration that was read since', () => {
  const pool = poolSnapshot({ state: 'failed', reason: 'it died', problems });
  const text = formatStatus(statusOf([pool]), plain);
  expect(text).toContain('web is failed: it died\n');
  expect(text).not.toContain('wrokers');
});

test('sentences are broken at the width of the terminal, and what workers wrote is not', () => {
  const output = ['x'.repeat(30), `y ${'z'.repeat(50)}`];
  const pools = [misconfigured, poolSnapshot({ name: 'api', refusedReload: { ...refusedReload, output } })];
  const lines = formatStatus(statusOf(pools), { ...plain, width: 40 }).split('\n');
  expect(lines.slice(lines.indexOf('') + 4).join('\n')).toMatchInlineSnapshot(`
    "
    web is failed: its configuration has
        problems
      site.toml:8:1: pools.web.wrokers: is
          not a setting; did you mean
          "workers"?
      site.toml:10:1: pools.web.max_memory:
          expected a size such as "512K",
          "200M" or "1G", found "lots"
      Mend it, then: fcgictl reload --config

    api: reload refused 5m ago
        (2026-01-01T02:00:00.000Z): the new
        workers died
      the workers from before (generation 1)
          go on serving
      | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      | y zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz
    "
  `);
});

const wide = poolSnapshot({ listen: ['unix:/run/runfcgid/mysite.sock'] });
const table = (width: number, hasWorkers = false): readonly string[] => {
  const request = { method: 'GET', uri: `/${'search'.repeat(9)}`, remote: '', ageMs: 3_200, bytes: 0 };
  const workers = [{ ...worker, requests: 41, busy: 1, current: [request] }];
  const lines = formatStatus(statusOf([{ ...wide, workers }]), { ...plain, width, hasWorkers }).split('\n');
  return lines.slice(lines.indexOf('') + 1, -1);
};

test('a table is cut to the terminal: addresses first, then the columns that matter least', () => {
  expect([...table(90), ...table(80), ...table(60)].join('\n')).toMatchInlineSnapshot(`
    "POOL  STATE    WORKERS  BUSY  LISTEN                 UPTIME  MEMORY   CPU  QUEUE  RESTARTS
    web   running      2/2     1  …runfcgid/mysite.sock    1m5s   30 MB  0.3%      0         0
    POOL  STATE    WORKERS  BUSY  UPTIME  MEMORY   CPU  QUEUE  RESTARTS
    web   running      2/2     1    1m5s   30 MB  0.3%      0         0
    POOL  STATE    WORKERS  BUSY  UPTIME  QUEUE  RESTARTS
    web   running      2/2     1    1m5s      0         0"
  `);
  expect(table(200)).toEqual(
    formatStatus(statusOf([{ ...wide, workers: [worker] }]), plain)
      .split('\n')
      .slice(2, -1),
  );
});

test('so is the table of workers, where the request in hand stays', () => {
  expect(table(100, true).slice(3).join('\n')).toMatchInlineSnapshot(`
    "WORKER  PID  STATE  UPTIME  REQUESTS  MEMORY   CPU  CONNECTIONS  NOW
    web/1    17  ready    1m5s        41   30 MB  0.3%            1  GET /searchsearch…chsearchsearch 3s"
  `);
  for (const line of [...table(70, true), ...table(60, true)]) expect(line.length).toBeLessThanOrEqual(70);
});

test('a table that is too wide with all that must stay is shown as it is', () => {
  expect(table(20)[0]).toBe('POOL  STATE    WORKERS  BUSY  QUEUE  RESTARTS');
});

test('so is the first line, whatever the path of the configuration', () => {
  const [first, second] = formatStatus(statusOf([]), { ...plain, width: 50 }).split('\n');
  expect([first, second]).toEqual([
    'runfcgid 0.1.0  pid 4242  up 2h5m  45 MB',
    '    /etc/runfcgid/runfcgid.toml',
  ]);
});
