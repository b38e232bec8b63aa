import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLog, type LogPlan, type OpenLog } from '../../../src/host/log.ts';
import { type BundledScript, bundleScript } from '../../helpers/bundle-script.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { until } from '../../helpers/until.ts';

const run = promisify(execFile);
let fixture: BundledScript;
let directory: string;
let file: string;
let clock: FakeClock;

beforeAll(async () => {
  fixture = await bundleScript('test/fixtures/host/logs.ts');
});

afterAll(() => fixture.remove());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-'));
  file = join(directory, 'runfcgid.log');
  clock = new FakeClock();
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(changes: Partial<LogPlan> = {}): Promise<OpenLog> {
  const plan: LogPlan = { level: 'info', file, format: 'auto', ...changes };
  return createLog(plan, { clock, isTerminal: false, environment: {} });
}

function lines(path = file): unknown[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a line is JSON with level, time, the fields of its log, and the sentence', async () => {
  const opened = await open();
  const log = opened.log.child({ pool: 'web', worker: 'web/1', DB_PASSWORD: 'precious' });
  log.debug({ event: 'worker.detail' }, 'not shown at level info');
  log.info({ event: 'worker.ready', pid: 17 }, 'worker ready');
  log.error({ event: 'worker.failed', error: new Error('boom'), secret: 'x' }, 'worker failed');
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      pool: 'web',
      worker: 'web/1',
      DB_PASSWORD: '[hidden]',
      event: 'worker.ready',
      pid: 17,
      msg: 'worker ready',
    },
    expect.objectContaining({
      level: 'error',
      secret: '[hidden]',
      error: expect.objectContaining({ message: 'boom' }),
    }),
  ]);
  opened.close();
});

test('what a worker writes is in the log at every level of the daemon’s own lines', async () => {
  const opened = await open({ level: 'error' });
  const log = opened.log.child({ pool: 'web', worker: 'web/1' });
  log.warn({ event: 'worker.detail' }, 'not shown at level error');
  log.output({ pid: 17, stream: 'stderr' }, 'Traceback (most recent call last):');
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      pool: 'web',
      worker: 'web/1',
      event: 'worker.output',
      pid: 17,
      stream: 'stderr',
      msg: 'Traceback (most recent call last):',
    },
  ]);
  opened.close();
});

test('the file is appended to, and not for everybody to read', async () => {
  const umask = process.umask(0);
  for (const message of ['first life', 'second life']) {
    const opened = await open();
    opened.log.info({ event: 'daemon.started' }, message);
    opened.close();
  }
  process.umask(umask);
  expect(lines()).toHaveLength(2);
  expect(statSync(file).mode & 0o777).toBe(0o640);
});

test('logrotate renames the file, and after reopen a new one is written', async () => {
  const opened = await open();
  opened.log.info({ event: 'a.b' }, 'before');
  renameSync(file, `${file}.1`);
  opened.log.info({ event: 'a.b' }, 'between');
  opened.reopen();
  opened.log.info({ event: 'a.b' }, 'after');
  opened.close();
  expect(lines(`${file}.1`)).toMatchObject([{ msg: 'before' }, { msg: 'between' }]);
  expect(lines()).toMatchObject([{ msg: 'log file reopened' }, { msg: 'after' }]);
});

test('when the file cannot be opened again, the old one is kept and says so', async () => {
  const inner = join(directory, 'inner');
  await run('mkdir', [inner]);
  const opened = await open({ file: join(inner, 'runfcgid.log') });
  renameSync(inner, join(directory, 'moved'));
  opened.reopen();
  opened.close();
  expect(lines(join(directory, 'moved', 'runfcgid.log'))).toMatchObject([{ event: 'log.reopen-failed' }]);
});

test('a log file that cannot be opened is an error with a hint', async () => {
  await expect(open({ file: join(directory, 'missing', 'x.log') })).rejects.toMatchObject({
    code: 'DAEMON_FILE_FAILED',
    hint: expect.stringContaining('log_file'),
  });
});

test('a full disk ends nothing; a retry is due while lines wait', async () => {
  const opened = await open({ file: '/dev/full' });
  opened.log.info({ event: 'a.b' }, 'no room');
  opened.flush();
  expect(clock.pending).toBe(1);
  await clock.advance(1_000);
  expect(clock.pending).toBe(1);
  opened.close();
  expect(clock.pending).toBe(0);
});

test('the pipe of a reader that left ends nothing', async () => {
  const child = spawn(process.execPath, [fixture.path, 'json', '2000'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  const [said] = await once(child.stderr, 'data');
  expect(String(said)).toBe('survived\n');
  child.stdin.end();
  expect((await once(child, 'close'))[0]).toBe(0);
});

test('a reader that falls behind gets every line, in order', async () => {
  // The shell makes the pipe non-blocking for our process by sharing it with a Python program.
  const program = `import os; os.set_blocking(1, False); os.execv(os.sys.argv[1], os.sys.argv[1:])`;
  const child = spawn('python3', ['-c', program, process.execPath, fixture.path, 'json', '3000'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await once(child.stderr, 'data');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.split('\n').length > 3_000);
  child.stdin.end();
  await once(child, 'close');
  const numbers = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).number);
  expect(numbers).toEqual(Array.from({ length: 3_000 }, (_, number) => number));
});

test.each([
  ['has colours', {}, true],
  ['has none with NO_COLOR', { NO_COLOR: '1' }, false],
])('text on a terminal %s, and names the worker first', async (_case, environment, hasColours) => {
  const { stdout } = await run(
    'script',
    ['--quiet', '--return', '--command', `'${process.execPath}' '${fixture.path}' auto 1`, '/dev/null'],
    { env: { PATH: process.env['PATH'], TERM: 'xterm', ...environment } },
  );
  expect(stdout).toContain('[web/1] line');
  expect(stdout.includes('\u001b[32m')).toBe(hasColours);
  expect(stdout).not.toContain('"level"');
});

test('text without a terminal has no colours and shows control characters harmlessly', async () => {
  const opened = await open({ format: 'pretty' });
  opened.log.info({ event: 'worker.told', pool: 'web' }, 'evil \u001b]0;title\u0007 line');
  opened.close();
  expect(readFileSync(file, 'utf8')).toMatch(
    /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] INFO: \[web\] evil {2}\]0;title {2}line\n$/,
  );
});

test('text shows a traceback as lines below the sentence', async () => {
  const opened = await open({ format: 'pretty' });
  const traceback = ['File "site.py", line 3 in slow', '  evil \u001b]0;title\u0007 line'];
  opened.log.warn({ event: 'request.slow', worker: 'web/1', ageMs: 5, traceback }, 'GET / has run for 5 ms');
  opened.close();
  const [sentence, ...below] = readFileSync(file, 'utf8').split('\n');
  expect(sentence).toMatch(/ WARN: \[web\/1\] GET \/ has run for 5 ms {"ageMs":5}$/);
  expect(below).toEqual(['    File "site.py", line 3 in slow', '      evil  ]0;title  line', '']);
});
