import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive, readProcess } from '../../../src/host/process-table.ts';
import { readLedger } from '../../../src/workers/worker-ledger.ts';
import { until } from '../../helpers/until.ts';

const bin = fileURLToPath(new URL('../../../bin', import.meta.url));

let directory: string;
let config: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fcgictl-daemon-'));
  // The workers of root's daemon may run as somebody who must get here.
  chmodSync(directory, 0o755);
  config = join(directory, 'runfcgid.toml');
  writeConfig('');
  writeFileSync(
    join(directory, 'worker.pl'),
    'use FCGI; my $r = FCGI::Request(); while ($r->Accept() >= 0) { print "Content-Type: text/plain\\r\\n\\r\\nhello" }',
  );
});

afterEach(async () => {
  expect((await fcgictl('stop')).status).toBe(0);
  expect(readdirSync(directory).includes('run') ? readdirSync(join(directory, 'run')) : []).not.toContain(
    'control.sock',
  );
  rmSync(directory, { recursive: true });
});

function writeConfig(more: string): void {
  writeFileSync(
    config,
    `[daemon]
runtime_dir = "run"
[pools.web]
command = ["/usr/bin/perl", "worker.pl"]
directory = "."
listen = "run/web.sock"
workers = 2
${more}`,
  );
}

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, ...args: readonly string[]): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      join(bin, program),
      ['--config', 'runfcgid.toml', ...args],
      { cwd: directory, timeout: 80_000 },
      (_, stdout, stderr) => resolve({ status: child.exitCode, stdout, stderr }),
    );
  });
}

function fcgictl(...args: readonly string[]): Promise<Result> {
  return run('fcgictl.js', ...args);
}

async function daemonPid(): Promise<number> {
  return JSON.parse((await fcgictl('status', '--json')).stdout).daemon.pid;
}

function lives(pid: number): boolean {
  const row = readProcess(pid);
  return row !== undefined && isAlive(row);
}

test('start starts a daemon that outlives it; stop ends it and leaves no socket and no pidfile', async () => {
  expect(await fcgictl('start')).toMatchObject({ status: 0, stdout: 'web: running with 2 workers\n' });
  const pid = await daemonPid();
  expect(readFileSync(join(directory, 'run', 'runfcgid.pid'), 'utf8')).toBe(`${pid}\n`);
  expect(readProcess(pid)).toMatchObject({ session: pid });
  expect(await fcgictl('start')).toMatchObject({ status: 0 });
  expect(await daemonPid()).toBe(pid);
  expect(await fcgictl('stop')).toMatchObject({ status: 0, stdout: expect.stringContaining('has ended') });
  expect(lives(pid)).toBe(false);
  expect(existsSync(join(directory, 'run', 'runfcgid.pid'))).toBe(false);
  expect(existsSync(join(directory, 'run', 'web.sock'))).toBe(false);
  expect((await fcgictl('status')).status).toBe(3);
});

test('restart starts the daemon too, and a second daemon is refused', async () => {
  expect(await fcgictl('restart', 'web')).toMatchObject({ status: 0 });
  const pid = await daemonPid();
  for (const more of [[], ['--daemonize']]) {
    const second = await run('runfcgid.js', ...more);
    expect(second.status).toBe(73);
    expect(second.stderr).toContain(`process ${pid} already runs here`);
  }
  expect(await daemonPid()).toBe(pid);
});

test('after a daemon was killed, the next start takes over what it left', async () => {
  await fcgictl('start');
  const pid = await daemonPid();
  // It says that its workers run and then writes the ledger.
  await until(() => readLedger(join(directory, 'run', 'workers.json')).workers.length === 2);
  process.kill(pid, 'SIGKILL');
  await until(() => !lives(pid));
  expect((await fcgictl('status')).status).toBe(3);
  for (const words of [
    ['reload', 'web'],
    ['scale', 'web', '3'],
    ['gateway', 'web'],
  ]) {
    const { status, stderr } = await fcgictl(...words);
    expect([words[0], status]).toEqual([words[0], 69]);
    expect(stderr).toContain(
      '2 workers of a daemon that was killed still serve; "fcgictl start" replaces them.',
    );
  }
  expect(existsSync(join(directory, 'run', 'runfcgid.pid'))).toBe(true);
  expect(await fcgictl('start')).toMatchObject({ status: 0, stdout: 'web: running with 2 workers\n' });
  expect(await daemonPid()).not.toBe(pid);
});

test('what keeps the daemon from starting is told with its own exit status', async () => {
  writeFileSync(config, '[daemon]\nruntime_dri = "run"\n');
  const { status, stderr } = await fcgictl('start');
  expect(status).toBe(78);
  expect(stderr).toContain('did you mean "runtime_dir"?');
  writeConfig('');
});

test('what workers write is in the log, however little the daemon itself shall say', async () => {
  writeFileSync(
    join(directory, 'worker.pl'),
    'use FCGI; print STDERR "hello from the site\\n"; my $r = FCGI::Request(); while ($r->Accept() >= 0) {}',
  );
  writeFileSync(config, readFileSync(config, 'utf8').replace('[daemon]', '[daemon]\nlog_level = "error"'));
  expect(await fcgictl('start')).toMatchObject({ status: 0 });
  const log = await until(() => {
    const lines = readFileSync(join(directory, 'run', 'runfcgid.log'), 'utf8')
      .split('\n')
      .slice(0, -1);
    return lines.length >= 2 ? lines : undefined;
  });
  expect(log.map((line) => JSON.parse(line))).toMatchObject([
    { pool: 'web', event: 'worker.output', stream: 'stderr', msg: 'hello from the site' },
    { pool: 'web', event: 'worker.output', stream: 'stderr', msg: 'hello from the site' },
  ]);
});

test('a pool that cannot run is told, and does not keep the others from running', async () => {
  writeConfig(`[pools.bad]
command = ["/usr/bin/perl", "-e", "print STDERR qq(no luck); exit 1"]
directory = "."
listen = "run/bad.sock"
max_restarts = 1
backoff_initial = "10ms"
`);
  const { status, stdout, stderr } = await fcgictl('start');
  expect(stdout).toBe('web: running with 2 workers\n');
  expect(stderr).toMatch(/^bad: .*no luck/m);
  expect(status).toBe(1);
  const shown = await fcgictl('status');
  expect(shown.status).toBe(3);
  expect(shown.stdout).toMatch(/^bad is failed: exited with status 1/m);
});

test('gateway shows a pool in a browser until Ctrl-C, and says what it is not for', async () => {
  await fcgictl('start');
  const gateway = spawn(
    join(bin, 'fcgictl.js'),
    ['--config', 'runfcgid.toml', 'gateway', 'web', '--http', '127.0.0.1:0', '--static', '/files=.'],
    { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: gateway.stdout })[Symbol.asyncIterator]();
  const url = /^web is at (http:\/\/127\.0\.0\.1:\d+\/)$/.exec((await lines.next()).value)?.[1] ?? 'no URL';
  expect((await lines.next()).value).toContain('not for production');
  expect(await (await fetch(url)).text()).toBe('hello');
  expect((await lines.next()).value).toContain('200');
  expect(await (await fetch(`${url}files/worker.pl`)).text()).toContain('use FCGI');
  gateway.kill('SIGINT');
  expect(await once(gateway, 'close')).toEqual([0, null]);
});

test('gateway tells that the pool is unknown, or that no daemon runs', async () => {
  expect((await fcgictl('gateway', 'web')).status).toBe(69);
  await fcgictl('start');
  const { status, stderr } = await fcgictl('gateway', 'wev');
  expect([status, stderr]).toEqual([64, 'fcgictl: there is no pool "wev"\nDid you mean "web"?\n']);
});

test('TERM, QUIT and a second TERM end the daemon', async () => {
  for (const signals of [['SIGTERM'], ['SIGQUIT'], ['SIGTERM', 'SIGTERM']] as const) {
    await fcgictl('start');
    const pid = await daemonPid();
    for (const signal of signals) if (lives(pid)) process.kill(pid, signal);
    await until(() => !lives(pid));
    expect(existsSync(join(directory, 'run', 'runfcgid.pid'))).toBe(false);
    expect(existsSync(join(directory, 'run', 'control.sock'))).toBe(false);
  }
});
