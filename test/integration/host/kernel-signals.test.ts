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
  // With a moment between two gusts: a storm without any can keep the process from noticing that there was enough, and
  // signals that come while it is kept waiting are one (signal(7): standard signals do not queue).
  const script = `for (1 .. 60_000) { kill 'USR2', ${process.pid} or exit for 1 .. 50; select undef, undef, undef, 0.001 }`;
  storm = spawn('perl', ['-e', script], { stdio: 'ignore' });
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
  }, 80_000);
});
