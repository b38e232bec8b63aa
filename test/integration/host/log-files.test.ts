import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  constants,
  lchownSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendToLogFile } from '../../../src/host/log-files.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { requireRoot } from '../sockets/support.ts';

let directory: string;
let file: string;
let log: FakeLog;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-files-'));
  file = join(directory, 'slow.log');
  log = new FakeLog();
});

afterEach(() => rmSync(directory, { recursive: true }));

function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // what the listing was read with
    }
  });
}

test('a log file beside the daemon’s own is not kept open, is found by its name, and is not for everybody', () => {
  appendToLogFile(file, 'first\n', log);
  expect(openFiles()).not.toContain(file);
  appendToLogFile(file, 'second\n', log);
  renameSync(file, `${file}.1`);
  appendToLogFile(file, 'third\n', log);
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('first\nsecond\n');
  expect(readFileSync(file, 'utf8')).toBe('third\n');
  expect(statSync(file).mode & 0o007).toBe(0);
  expect(log.lines).toEqual([]);
});

test.each([
  ['/nowhere/slow.log', 'the log file /nowhere/slow.log cannot be written: ENOENT'],
  ['/dev/full', 'the log file /dev/full cannot be written: ENOSPC'],
  ['/', 'the log file / cannot be written: expected a regular file, '],
])('what cannot be written to %s is in the log of the daemon', (path, reason) => {
  appendToLogFile(path, 'GET /late\n', log);
  expectInLog(path, reason);
});

test('a link in the place of a log file that the user of a site has made is not followed', () => {
  requireRoot();
  const precious = join(directory, 'precious');
  writeFileSync(precious, 'as it was\n');
  symlinkSync(precious, file);
  lchownSync(file, 33, 33);
  appendToLogFile(file, 'GET /late\n', log);
  expect(readFileSync(precious, 'utf8')).toBe('as it was\n');
  expectInLog(file, 'found');
  expect(log.lines[0]?.['hint']).toContain('the link');
});

test('a FIFO in the place of a log file holds nobody up where nobody reads it, and is none of the user of a site', () => {
  requireRoot();
  execFileSync('mkfifo', [file]);
  // Whoever waits for a reader gets one, so that this test fails and does not hang.
  const lateReader = `setTimeout(() => fs.openSync(${JSON.stringify(file)}), 20_000)`;
  const child = spawn(process.execPath, ['--eval', lateReader], { stdio: 'ignore' });
  try {
    appendToLogFile(file, 'GET /late\n', log);
  } finally {
    child.kill('SIGKILL');
  }
  expectInLog(file, 'ENXIO');

  log.lines.length = 0;
  chownSync(file, 33, 33);
  const reader = openSync(file, constants.O_RDWR);
  try {
    appendToLogFile(file, 'GET /late\n', log);
  } finally {
    closeSync(reader);
  }
  expectInLog(file, 'found a FIFO of user 33');
});

function expectInLog(path: string, reason: string): void {
  expect(log.lines).toMatchObject([{ level: 'error', event: 'log.failed', file: path, text: 'GET /late\n' }]);
  expect(log.lines[0]?.message).toContain(reason);
}
