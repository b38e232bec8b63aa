import { mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendToLogFile } from '../../../src/host/log-files.ts';
import { FakeLog } from '../../helpers/fake-log.ts';

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
])('what cannot be written to %s is in the log of the daemon', (path, reason) => {
  appendToLogFile(path, 'GET /late\n', log);
  expect(log.lines).toMatchObject([{ level: 'error', event: 'log.failed', file: path, text: 'GET /late\n' }]);
  expect(log.lines[0]?.message).toContain(reason);
});
