import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBeginning } from '../../../src/host/whole-text.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'whole-text-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

test('the beginning of a file is read, and a FIFO in its place is not waited for', () => {
  const file = join(directory, 'script');
  writeFileSync(file, '#!/bin/sh\nexit\n');
  expect(readBeginning(file, 9)).toBe('#!/bin/sh');
  rmSync(file);
  execFileSync('mkfifo', [file]);
  // Whoever waits for a writer gets one, so that this test fails and does not hang.
  const lateWriter = `setTimeout(() => fs.writeFileSync(${JSON.stringify(file)}, '#!/bin/sh'), 3_000)`;
  const child = spawn(process.execPath, ['--eval', lateWriter], { stdio: 'ignore' });
  try {
    const startMs = performance.now();
    expect(() => readBeginning(file, 9)).toThrow('ESPIPE');
    expect(performance.now() - startMs).toBeLessThan(2_000);
  } finally {
    child.kill('SIGKILL');
  }
});
