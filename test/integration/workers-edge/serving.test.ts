import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { bindSocket, listenOn, openStreamSocket } from '../../../src/host/kernel/sockets.ts';
import { ExecLauncher } from '../../../src/workers/exec-launcher.ts';
import { fixtures, LaunchedWorker, planOf, until } from './launched-worker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'runfcgid-serving-'));
const socket = join(scratch, 'worker.sock');
const run = promisify(execFile);

afterEach(async () => {
  await LaunchedWorker.cleanUp();
  rmSync(socket, { force: true });
});
afterAll(() => rmSync(scratch, { recursive: true }));

function launch(...arguments_: Parameters<typeof planOf>): LaunchedWorker {
  const listenFd = openStreamSocket('unix', 'blocking');
  bindSocket(listenFd, { kind: 'unix', path: socket });
  listenOn(listenFd, 16);
  return new LaunchedWorker(planOf(...arguments_), new ExecLauncher(systemClock), listenFd);
}

/** The body that a FastCGI worker behind the socket answers. */
async function ask(script = '/nowhere', query = ''): Promise<string> {
  const env = {
    PATH: '/usr/bin:/bin',
    REQUEST_METHOD: 'GET',
    REQUEST_URI: '/hello',
    QUERY_STRING: query,
    SCRIPT_FILENAME: script,
    REDIRECT_STATUS: '200',
  };
  const { stdout } = await run('cgi-fcgi', ['-bind', '-connect', socket], { env, timeout: 30_000 });
  return stdout.slice(stdout.indexOf('\r\n\r\n') + 4);
}

describe('a worker serves on fd 0 and goes', () => {
  test('Perl', async () => {
    const worker = launch(['answers']);
    expect(await ask()).toBe(`${worker.pid} GET /hello\n`);
    worker.process.signal('SIGTERM');
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 0 });
  });

  test('C on libfcgi', async () => {
    const program = join(scratch, 'answers');
    await run('cc', ['-o', program, join(fixtures, 'answers.c'), '-lfcgi']);
    const worker = launch([program]);
    expect(await ask()).toBe(`${worker.pid} GET /hello\n`);
  });

  test('php-cgi, which leaves at once when the listen socket does not block', async () => {
    const script = join(scratch, 'page.php');
    writeFileSync(script, '<?php echo getmypid(), " ", $_SERVER["REQUEST_URI"];');
    const worker = launch(['/usr/bin/php-cgi'], {
      environment: { PATH: '/usr/bin:/bin', PHP_FCGI_CHILDREN: '0' },
    });
    expect(await ask(script)).toBe(`${worker.pid} /hello`);
    worker.process.signal('SIGTERM');
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 0 });
  });

  test('one that ignores signals serves on', async () => {
    const worker = launch(['ignores-sigterm']);
    await worker.printedPid('ignoring');
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) worker.process.signal(signal);
    expect(await ask()).toBe(`${worker.pid} GET /hello\n`);
  });

  test('one that aborts cuts the request in hand', async () => {
    const worker = launch(['aborts-on-sigterm']);
    expect(await ask('', 'seconds=0')).toBe(`${worker.pid} GET /hello\n`);
    const cut = ask('', 'seconds=60').catch(() => '');
    await until(() => worker.lines.includes('busy'), 'the request to arrive');
    worker.process.signal('SIGTERM');
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 0 });
    expect(await cut).toBe('');
  });

  test('one that works on after the response has done so after its end', async () => {
    const log = join(scratch, 'work.log');
    const worker = launch(['works-after-response'], {
      environment: { PATH: '/usr/bin:/bin', WORK_LOG: log },
    });
    expect(await ask()).toBe(`${worker.pid} GET /hello\n`);
    worker.process.signal('SIGTERM');
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 0 });
    expect(readFileSync(log, 'utf8')).toBe(`${worker.pid} done\n`);
  });
});
