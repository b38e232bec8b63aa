import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive, readProcess } from '../../../src/host/process-table.ts';
import { type BundledScript, bundleScript } from '../../helpers/bundle-script.ts';
import { until } from '../../helpers/until.ts';

const run = promisify(execFile);
let fixture: BundledScript;

beforeAll(async () => {
  fixture = await bundleScript('test/fixtures/host/detaches.ts');
});

afterAll(() => fixture.remove());

async function launch(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [fixture.path, ...args], { timeout: 60_000 });
  return JSON.parse(stdout);
}

function lives(pid: number): boolean {
  const row = readProcess(pid);
  return row !== undefined && isAlive(row);
}

test('the copy runs in its own session and directory, without terminal, launcher or descriptors of it', async () => {
  const launched = await launch('ready');
  const pid = Number(launched['pid']);
  const worker = Number(/^worker (\d+)$/.exec((launched['problems'] as string[])[0] ?? '')?.[1]);
  try {
    expect(readProcess(pid)).toMatchObject({ session: pid });
    expect(readProcess(pid)?.parent).not.toBe(process.pid);
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
    for (const fd of [0, 1, 2]) expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toBe('/dev/null');
    expect(readFileSync(`/proc/${worker}/environ`, 'utf8')).not.toContain('RUNFCGID_LAUNCHER_FD');
    const { stdout } = await run('ls', [`/proc/${worker}/fd`]);
    // What the test runner itself inherited is not the launcher's.
    const open = stdout.trim().split('\n').map(Number);
    expect(open.filter((fd) => fd < 10)).toEqual([0, 1, 2]);
  } finally {
    process.kill(pid, 'SIGTERM');
  }
  await until(() => !lives(pid) && !lives(worker));
});

test('the launcher passes on why the copy did not start', async () => {
  expect(await launch('refused')).toEqual({
    code: 'CONFIG_INVALID',
    message: 'the configuration has 2 problems',
  });
});

test('the launcher quotes the last words of a copy that crashed', async () => {
  expect(await launch('crashes')).toEqual({
    code: 'DAEMON_START_FAILED',
    message: expect.stringMatching(/^the daemon ended with status \d+ before it was ready$/),
    cause: expect.stringContaining('Error: boom'),
  });
});

test('the launcher does not wait for ever, and says which process goes on', async () => {
  const { code, message } = await launch('hangs', '200');
  expect([code, message]).toEqual(['CONTROL_TIMEOUT', 'the daemon is still starting after 0.2 s']);
  const pid = await until(() => findCopy());
  process.kill(pid, 'SIGKILL');
  await until(() => !lives(pid));
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s while waiting ends the copy too', async (signal) => {
  const launcher = spawn(process.execPath, [fixture.path, 'hangs'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await until(() => findCopy());
  launcher.kill(signal);
  const [said] = await once(launcher.stdout, 'data');
  expect(JSON.parse(String(said))).toMatchObject({
    code: 'DAEMON_START_FAILED',
    message: 'the daemon ended by SIGTERM before it was ready',
  });
  expect(lives(pid)).toBe(false);
});

/** The process that runs the fixture in a session of its own. */
async function findCopy(): Promise<number> {
  const { stdout } = await run('ps', ['-eo', 'pid=,sid=,args=']);
  const rows = stdout.split('\n').filter((row) => row.includes(fixture.path));
  const pids = rows.map((row) => row.trim().split(/\s+/)).filter(([pid, session]) => pid === session);
  return Number(pids[0]?.[0]);
}
