import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { takePidfile } from '../../../src/host/pidfile.ts';
import { type BundledScript, bundleScript } from '../../helpers/bundle-script.ts';
import { refusal, requireRoot } from '../sockets/support.ts';

let fixture: BundledScript;
let directory: string;
let path: string;
let children: ChildProcess[];

beforeAll(async () => {
  fixture = await bundleScript('test/fixtures/host/takes-pidfile.ts');
});

afterAll(() => fixture.remove());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pidfile-'));
  path = join(directory, 'runfcgid.pid');
  children = [];
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  rmSync(directory, { recursive: true });
});

/** Starts another process that takes the pidfile; resolves to what it said. */
async function competitor(): Promise<{ said: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [fixture.path, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = await once(createInterface({ input: child.stdout }), 'line');
  return { said, child };
}

test('the pidfile holds the pid alone, readable by all, and is gone at the end', () => {
  const umask = process.umask(0o077);
  const pidfile = takePidfile(path);
  process.umask(umask);
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(readdirSync(directory)).toEqual(['runfcgid.pid']);
  pidfile.release();
  expect(readdirSync(directory)).toEqual([]);
});

test('a second daemon is refused and told the pid of the first', async () => {
  const pidfile = takePidfile(path);
  expect((await competitor()).said).toBe(
    `DAEMON_RUNNING process ${process.pid} already runs here, says the pidfile ${path}`,
  );
  expect(readdirSync(directory)).toEqual(['runfcgid.pid']);
  pidfile.release();
});

test('a lock counts even when the file says nothing', async () => {
  const pidfile = takePidfile(path);
  writeFileSync(path, '');
  expect((await competitor()).said).toMatch(/^DAEMON_RUNNING another daemon already runs here/);
  pidfile.release();
});

test('of many daemons that start over a stale file exactly one runs', async () => {
  writeFileSync(path, '999999999\n');
  const said = (await Promise.all(Array.from({ length: 6 }, competitor))).map(
    (each) => each.said.split(' ')[0],
  );
  expect(said.sort()).toEqual([...Array(5).fill('DAEMON_RUNNING'), 'taken']);
});

test('the file of a daemon that was killed is replaced', async () => {
  const { said, child } = await competitor();
  expect(said).toBe('taken');
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(readFileSync(path, 'utf8')).toBe(`${child.pid}\n`);
  takePidfile(path).release();
  expect(existsSync(path)).toBe(false);
});

test('the file of a living program that takes no lock is respected', () => {
  writeFileSync(path, `${process.ppid}\n`);
  expect(() => takePidfile(path)).toThrow(`process ${process.ppid} already runs here`);
  expect(readFileSync(path, 'utf8')).toBe(`${process.ppid}\n`);
});

test('a pid that another process got since the file was written is stale', () => {
  writeFileSync(path, `${process.ppid}\n`);
  utimesSync(path, new Date('2020-01-01'), new Date('2020-01-01'));
  takePidfile(path).release();
});

test('our own pid from an earlier life, as in a container, is stale', () => {
  writeFileSync(path, `${process.pid}\n`);
  takePidfile(path).release();
});

test('an empty file is stale', () => {
  writeFileSync(path, '');
  takePidfile(path).release();
});

test.each(['root:x:0:0:root:/root:/bin/sh\n', '-1\n', '0\n'])(
  'a file that holds %j is left alone',
  (text) => {
    writeFileSync(path, text);
    expect(() => takePidfile(path)).toThrow('holds something else than a process id');
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);

test('a symbolic link is not followed', () => {
  const target = join(directory, 'target');
  writeFileSync(target, '');
  symlinkSync(target, path);
  expect(() => takePidfile(path)).toThrow('cannot be written');
});

test('a pidfile is not made or removed where a link of another user leads', () => {
  requireRoot();
  const site = join(directory, 'site');
  mkdirSync(site);
  chownSync(site, 33, 33);
  mkdirSync(join(directory, 'precious'));
  symlinkSync('../precious', join(site, 'run'));
  lchownSync(join(site, 'run'), 33, 33);
  path = join(site, 'run', 'django.pid');
  const { message, hint, cause } = refusal(() => takePidfile(path));
  expect(message).toBe(`the pidfile ${path} cannot be written`);
  expect(String(cause)).toContain(`found ${site}/run of user 33, which leads to a directory of user 0`);
  expect(hint).toContain('the link');
  expect(readdirSync(join(directory, 'precious'))).toEqual([]);

  rmSync(join(site, 'run'));
  mkdirSync(join(site, 'run'));
  const taken = takePidfile(path);
  renameSync(join(site, 'run'), join(site, 'was'));
  linkSync(join(site, 'was', 'django.pid'), join(directory, 'precious', 'django.pid'));
  symlinkSync('../precious', join(site, 'run'));
  lchownSync(join(site, 'run'), 33, 33);
  taken.release();
  expect(readdirSync(join(directory, 'precious'))).toEqual(['django.pid']);
});

test('of a file in the place of the pidfile no more is read than a pid has', () => {
  writeFileSync(path, '');
  // A hole: more than a string of Node can hold.
  truncateSync(path, 4 * 1024 ** 3);
  expect(() => takePidfile(path)).toThrow('holds something else than a process id');
});

test('a missing directory is named', () => {
  const missing = join(directory, 'missing', 'runfcgid.pid');
  expect(() => takePidfile(missing)).toThrow(`the pidfile ${missing} cannot be written`);
});

test('a pidfile that somebody deleted or replaced is not missed, and not removed', () => {
  const deleted = takePidfile(path);
  rmSync(path);
  deleted.release();
  const replaced = takePidfile(path);
  rmSync(path);
  writeFileSync(path, '1\n');
  replaced.release();
  expect(readFileSync(path, 'utf8')).toBe('1\n');
});
