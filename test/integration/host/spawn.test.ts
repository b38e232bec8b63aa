import { closeSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ChildExit, onChildExit } from '../../../src/host/child-exits.ts';
import { reap } from '../../../src/host/kernel/processes.ts';
import { spawnProcess } from '../../../src/host/kernel/spawn.ts';
import { readProcess } from '../../../src/host/process-table.ts';
import { until } from '../../helpers/until.ts';

const scratch = mkdtempSync(join(tmpdir(), 'runfcgid-spawn-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const environment = { PATH: '/usr/bin:/bin' };

function start(program: string, args: readonly string[], descriptors: readonly (number | 'ignore')[] = []) {
  const pid = spawnProcess({ program, args, directory: scratch, environment, descriptors });
  return new Promise<ChildExit>((resolve) => onChildExit(pid, resolve));
}

describe('a process started without fork', () => {
  test('is collected with its status or its signal, however many end at once', async () => {
    const scripts = Array.from({ length: 20 }, (_, number) => `exit ${number}`);
    const exits = await Promise.all(
      [...scripts, 'kill -9 $$'].map((script) => start('/bin/sh', ['-c', script])),
    );
    expect(exits.slice(0, 20)).toEqual(scripts.map((_, code) => ({ code, signal: null })));
    expect(exits.at(-1)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('is collected although it has ended, and its signal has come, before anybody waited for it', async () => {
    await start('/bin/sh', ['-c', 'exit 0']);
    const pid = spawnProcess({
      program: '/bin/sh',
      args: ['-c', 'exit 3'],
      directory: scratch,
      environment,
      descriptors: [],
    });
    await until(() => readProcess(pid)?.state === 'Z');
    await new Promise(setImmediate);
    expect(await new Promise((resolve) => onChildExit(pid, resolve))).toEqual({ code: 3, signal: null });
  });

  test('is one of which nobody knows how it ended when somebody else has collected it', async () => {
    const pid = spawnProcess({
      program: '/bin/sh',
      args: ['-c', 'exit 3'],
      directory: scratch,
      environment,
      descriptors: [],
    });
    await until(() => readProcess(pid)?.state === 'Z');
    expect(reap(pid)).toEqual({ kind: 'exited', status: 3 });
    expect(await new Promise((resolve) => onChildExit(pid, resolve))).toBe('unknown');
  });

  test('gets each descriptor under its number', async () => {
    const files = ['zero', 'one', 'two', 'three', 'four'].map((name) => join(scratch, name));
    const opened = files.map((path) => openSync(path, 'w'));
    const write = 'import os\nfor fd in range(5): os.write(fd, b"%d" % fd)';
    await start('/usr/bin/python3', ['-c', write], opened);
    for (const fd of opened) closeSync(fd);
    expect(files.map((path) => readFileSync(path, 'utf8'))).toEqual(['0', '1', '2', '3', '4']);
  });

  test('gets a descriptor whose number is that of one before it', async () => {
    const output = join(scratch, 'output');
    const opened = openSync(output, 'w');
    await start('/bin/sh', ['-c', 'readlink /proc/$$/fd/3'], [opened, opened, 'ignore', 0]);
    closeSync(opened);
    expect(readFileSync(output, 'utf8').trim()).toBe(readlinkSync('/proc/self/fd/0'));
  });

  test('runs a script that names no interpreter with the shell, as execvp(3) does', async () => {
    const script = join(scratch, 'plain');
    writeFileSync(script, '[ "$1" = "two words" ] && exit 7\n', { mode: 0o755 });
    expect(await start(script, ['two words'])).toEqual({ code: 7, signal: null });
  });

  test('that cannot be started is an error with the name of errno', () => {
    expect(() => start('/no/such/program', [])).toThrow(/posix_spawn failed: .*ENOENT/);
  });
});
