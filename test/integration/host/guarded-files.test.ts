import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openGuardedLog, readGuardedText, refusalOfLog } from '../../../src/host/guarded-files.ts';
import { openSocketPair } from '../../../src/host/kernel/descriptor-passing.ts';
import { openPipe } from '../../../src/host/kernel/pipes.ts';
import { takePidfile } from '../../../src/host/pidfile.ts';
import { refusal, requireRoot } from '../sockets/support.ts';

/** The user of a site. */
const site = 33;
const most = 1024;

let scratch: string;
let directory: string;

beforeEach(() => {
  // Only root can make files of several users.
  requireRoot();
  scratch = mkdtempSync(join(tmpdir(), 'guarded-'));
  chmodSync(scratch, 0o755);
  directory = join(scratch, 'site');
  mkdirSync(directory);
  chownSync(directory, site, site);
});

afterEach(() => rmSync(scratch, { recursive: true }));

function write(path: string, text: string, uid = 0): string {
  writeFileSync(path, text, { mode: 0o600 });
  chownSync(path, uid, uid);
  return path;
}

function link(target: string, path: string, uid: number): string {
  symlinkSync(target, path);
  lchownSync(path, uid, uid);
  return path;
}

function fifo(path: string, uid: number): string {
  execFileSync('mkfifo', [path]);
  chownSync(path, uid, uid);
  return path;
}

function append(path: string, text: string): void {
  const log = openGuardedLog(path, 'once');
  writeSync(log, text);
  closeSync(log);
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('a file that the user of a site may have put there', () => {
  test('is read: his own, one of root in his directory, and what links of root lead to', () => {
    const own = write(join(directory, 'env'), 'A=1\n', site);
    const secret = write(join(scratch, 'secret'), 'S=root\n');
    expect(readGuardedText(own, most)).toBe('A=1\n');
    expect(readGuardedText(write(join(directory, 'of-root'), 'R=1\n'), most)).toBe('R=1\n');
    expect(readGuardedText(link('../secret', join(directory, 'by-root'), 0), most)).toBe('S=root\n');
    expect(readGuardedText(link(secret, join(scratch, 'absolute'), 0), most)).toBe('S=root\n');
    expect(readGuardedText(`${directory}/../site/./env`, most)).toBe('A=1\n');
  });

  test('is read through links of his own to what is his own, as a deployment makes them', () => {
    mkdirSync(join(directory, 'releases/5'), { recursive: true });
    chownSync(join(directory, 'releases/5'), site, site);
    write(join(directory, 'shared-env'), 'A=5\n', site);
    link('releases/5', join(directory, 'current'), site);
    link(join(directory, 'shared-env'), join(directory, 'releases/5/env'), site);
    expect(readGuardedText(join(directory, 'current/env'), most)).toBe('A=5\n');
  });

  test.each([
    ['at its end', 'env', '../secrets/env'],
    ['on the way', 'config', '../secrets'],
    ['by way of another link of his', 'config', 'first'],
  ])('is not read where a link of his leads to a secret of root: %s', (_case, name, target) => {
    mkdirSync(join(scratch, 'secrets'));
    write(join(scratch, 'secrets/env'), 'S=root\n');
    link('../secrets', join(directory, 'first'), site);
    link(target, join(directory, name), site);
    const path = join(directory, name, name === 'env' ? '' : 'env');
    expect(() => readGuardedText(path, most)).toThrow(/found .*\/site\/\w+ of user 33, which leads to a/);
  });

  test('is not read where it is a second name of another user’s file', () => {
    linkSync(write(join(scratch, 'secret'), 'S=root\n'), join(directory, 'env'));
    expect(() => readGuardedText(join(directory, 'env'), most)).toThrow('found one of user 0 with 2 names');
  });

  test('is not waited for, and has an end', () => {
    expect(() => readGuardedText(fifo(join(directory, 'fifo'), site), most)).toThrow(
      'found a FIFO of user 33',
    );
    expect(() => readGuardedText(link('/dev/zero', join(directory, 'zero'), 0), most)).toThrow(
      'found a character device of user 0',
    );
    expect(() => readGuardedText(write(join(directory, 'large'), 'x'.repeat(most + 1), site), most)).toThrow(
      /^expected at most .* found more$/,
    );
    expect(readGuardedText(write(join(directory, 'full'), 'x'.repeat(most), site), most)).toHaveLength(most);
  });

  test('is missed in the words of the system, by the name that people know', () => {
    expect(() => readGuardedText(join(directory, 'gone/env'), most)).toThrow(
      `ENOENT: no such file or directory, open '${directory}/gone/env'`,
    );
    write(join(directory, 'env'), '', site);
    expect(() => readGuardedText(join(directory, 'env/env'), most)).toThrow(/^ENOTDIR: .*\/site\/env\/env'$/);
    link('round', join(directory, 'round'), 0);
    expect(() => readGuardedText(join(directory, 'round'), most)).toThrow(/^ELOOP: .*\/site\/round'$/);
  });

  test('is not looked for on ways that are as long as links can make them', () => {
    mkdirSync(join(directory, 'deep'));
    write(join(directory, 'env'), 'A=1\n', site);
    const detour = 'deep/../'.repeat(400);
    const one = link(`${detour}env`, join(directory, 'one'), site);
    const two = link(`${detour}one`, join(directory, 'two'), site);
    expect(readGuardedText(one, most)).toBe('A=1\n');
    expect(() => readGuardedText(two, most)).toThrow(/^ELOOP: .*\/site\/two'$/);
  });

  test('leaves no descriptor open, read or refused', () => {
    const good = link('deep/../env', join(directory, 'good'), site);
    mkdirSync(join(directory, 'deep'));
    write(join(directory, 'env'), 'A=1\n', site);
    const bad = link('/etc/shadow', join(directory, 'bad'), site);
    const before = openDescriptors();
    expect(readGuardedText(good, most)).toBe('A=1\n');
    expect(() => readGuardedText(bad, most)).toThrow('of user 33');
    expect(() => readGuardedText(join(good, 'below'), most)).toThrow('ENOTDIR');
    append(join(directory, 'log'), 'x');
    expect(openDescriptors()).toBe(before);
  });
});

describe('a log in the directory of a site', () => {
  test('is made for us, and appended to whoever has it by then', () => {
    const log = join(directory, 'site.log');
    const umask = process.umask(0);
    append(log, 'first\n');
    process.umask(umask);
    const { uid, mode } = statSync(log);
    expect([uid, mode & 0o777]).toEqual([0, 0o640]);
    chownSync(log, site, site);
    append(log, 'second\n');
    expect(readFileSync(log, 'utf8')).toBe('first\nsecond\n');
  });

  test('is where a link of root leads, be it to a file that is not there yet', () => {
    append(link('../elsewhere.log', join(directory, 'site.log'), 0), 'line\n');
    expect(readFileSync(join(scratch, 'elsewhere.log'), 'utf8')).toBe('line\n');
  });

  test.each([
    ['a file of root', '../precious'],
    ['a file of root that is not there yet', '../cron.d'],
  ])('is not where a link of its user leads: %s', (_case, target) => {
    write(join(scratch, 'precious'), 'as it was\n');
    const log = link(target, join(directory, 'site.log'), site);
    expect(() => append(log, 'line\n')).toThrow('found');
    expect(refusalOfLog(log)?.message).toContain(`found ${log} of user 33, which leads to`);
    expect(readFileSync(join(scratch, 'precious'), 'utf8')).toBe('as it was\n');
    expect(existsSync(join(scratch, 'cron.d'))).toBe(false);
  });

  test('is no FIFO of its user, and may be one of root, with a reader or before it has one', () => {
    expect(() => append(fifo(join(directory, 'evil'), site), 'x')).toThrow('found a FIFO of user 33');
    const pipe = fifo(join(directory, 'pipe'), 0);
    expect(() => append(pipe, 'x')).toThrow('ENXIO');
    const log = openGuardedLog(pipe, 'lasting');
    writeSync(log, 'before\n');
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    append(pipe, 'with a reader\n');
    const read = Buffer.alloc(100);
    expect(read.toString('utf8', 0, readSync(reader, read))).toBe('before\nwith a reader\n');
    closeSync(reader);
    closeSync(log);
  });

  test('that is refused, or cannot be opened, is told without making or opening anything', () => {
    expect(refusalOfLog(join(directory, 'new.log'))).toBeUndefined();
    expect(refusalOfLog('/nowhere/new.log')).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  });
});

test('a secret is not read, and nothing is written to it, however fast a link takes the place of a file', async () => {
  const secret = write(join(scratch, 'secret'), 'S=root\n');
  const path = join(directory, 'env');
  const swap = `import os, sys
secret, path = sys.argv[1:]
while True:
    with open(path + ".file", "w") as file: file.write("A=1\\n")
    os.rename(path + ".file", path)
    os.symlink(secret, path + ".link")
    os.rename(path + ".link", path)
    if sys.stdout:
        print(end=".", flush=True)
        sys.stdout = None
`;
  const user = ['setpriv', `--reuid=${site}`, `--regid=${site}`, '--clear-groups'];
  const swapper = spawn('env', [...user, '/usr/bin/python3', '-c', swap, secret, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(swapper, 'close');
  try {
    const [started] = await Promise.race([once(swapper.stdout, 'data'), ended]);
    expect(String(started)).toBe('.');
    const outcomes = new Set<string>();
    const isSeen = (words: string): boolean => [...outcomes].some((each) => each.includes(words));
    // Until both have been there, or nothing was tried.
    for (let round = 0; round < 500 || !(isSeen('A=1') && isSeen('of user 33, which leads')); round += 1) {
      outcomes.add(outcomeOf(() => readGuardedText(path, most)));
      outcomes.add(outcomeOf(() => append(path, 'B=2\n')));
    }
    expect(isSeen('S=root')).toBe(false);
    expect(readFileSync(secret, 'utf8')).toBe('S=root\n');
  } finally {
    swapper.kill('SIGKILL');
    await ended;
  }
});

function outcomeOf(action: () => unknown): string {
  try {
    return String(action());
  } catch (error) {
    return String(error);
  }
}

test.each(['/dev/null', '/dev/full'])('a log may go to the device %s, by a link of root too', (path) => {
  closeSync(openGuardedLog(path, 'lasting'));
  closeSync(openGuardedLog(link(path, join(scratch, 'site.log'), 0), 'lasting'));
});

test.each([
  ['/dev/fd', (fd: number) => `/dev/fd/${fd}`],
  ['/proc/self/fd', (fd: number) => `/proc/self/fd/${fd}`],
  ['the descriptors of a process', (fd: number) => `/proc/${process.pid}/fd/${fd}`],
])('a log may go by %s to the pipe of whoever started us', (_case, nameOf) => {
  const { readEnd, writeEnd } = openPipe();
  fchownSync(writeEnd, site, site);
  append(nameOf(writeEnd), 'named\n');
  append(link(nameOf(writeEnd), join(scratch, 'site.log'), 0), 'linked\n');
  const read = Buffer.alloc(100);
  expect(read.toString('utf8', 0, readSync(readEnd, read))).toBe('named\nlinked\n');
  closeSync(readEnd);
  closeSync(writeEnd);
});

test('a descriptor of whoever asks is none of the daemon, and is not refused beforehand', () => {
  const [one, other] = openSocketPair();
  expect(() => openGuardedLog(`/proc/self/fd/${one}`, 'lasting')).toThrow('found a socket of user 0');
  expect(refusalOfLog(`/proc/self/fd/${one}`)).toBeUndefined();
  expect(refusalOfLog(link(`/proc/self/fd/${one}`, join(scratch, 'site.log'), 0))).toBeUndefined();
  expect(refusalOfLog(directory)).toBeDefined();
  closeSync(one);
  closeSync(other);
});

test('what we have no right to is told by the name that people know', () => {
  const secret = write(join(scratch, 'secret'), 'S=root\n');
  const log = join(scratch, 'site.log');
  const pidfile = join(scratch, 'site.pid');
  process.seteuid?.(site);
  try {
    const denied = 'EACCES: permission denied, open';
    expect(() => readGuardedText(secret, most)).toThrow(`${denied} '${secret}'`);
    expect(() => openGuardedLog(secret, 'once')).toThrow(`${denied} '${secret}'`);
    expect(() => openGuardedLog(log, 'once')).toThrow(`${denied} '${log}'`);
    expect(refusal(() => takePidfile(pidfile)).cause).toMatchObject({
      message: `${denied} '${pidfile}.${process.pid}'`,
    });
  } finally {
    process.seteuid?.(0);
  }
});

test('a link of a site’s user to what a process has open leads to what is his own, or nowhere', () => {
  const held = openSync(write(join(scratch, 'secret'), 'S=root\n'), 'r');
  const path = link(`/proc/${process.pid}/fd/${held}`, join(directory, 'env'), site);
  expect(() => readGuardedText(path, most)).toThrow('which leads to a regular file of user 0');
  expect(() => openGuardedLog(path, 'once')).toThrow('which leads to a regular file of user 0');
  closeSync(held);
});
