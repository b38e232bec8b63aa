import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  bindSocket,
  closeDescriptor,
  isReadable,
  isWritable,
  listenOn,
  openStreamSocket,
} from '../../../src/host/kernel/sockets.ts';
import { until } from '../../helpers/until.ts';

const enoughSignals = 200;

let directory: string;
let listener: number;
let storm: ChildProcess;
let signals = 0;

const count = (): void => {
  signals += 1;
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'signals-'));
  listener = openStreamSocket('unix', 'non-blocking');
  bindSocket(listener, { kind: 'unix', path: join(directory, 'socket') });
  listenOn(listener, 1);
  process.on('SIGUSR2', count);
  // Bounded: a storm without an end can keep the process from noticing that it is over.
  const script = `i=0; while [ $i -lt 20000 ] && kill -USR2 ${process.pid}; do i=$((i+1)); done`;
  storm = spawn('sh', ['-c', script], { stdio: 'ignore' });
});

afterEach(() => {
  // Its end is not waited for: the storm can drown the SIGCHLD that tells of it. The listener for SIGUSR2 stays for
  // what is still under way, and ends with the process of this file.
  storm.kill('SIGKILL');
  storm.unref();
  closeDescriptor(listener);
  rmSync(directory, { recursive: true });
});

test('a storm of signals makes no look at a socket fail', async () => {
  let looks = 0;
  await until(() => {
    for (let look = 0; look < 500; look += 1) {
      expect(isReadable(listener)).toBe(false);
      isWritable(listener);
    }
    looks += 500;
    return signals > enoughSignals && looks > 10_000;
  }, 20_000);
});
