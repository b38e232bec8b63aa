import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { monotonicMicroseconds } from '../../../src/host/clock.ts';
import { createNotifier } from '../../../src/host/notify.ts';
import { FakeLog } from '../../helpers/fake-log.ts';

const receiver = fileURLToPath(new URL('../../fixtures/host/notify-receiver.py', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'notify-'));

test.each([
  ['a path', join(directory, 'notify')],
  ['an abstract name', `@runfcgid-test-${process.pid}`],
])('a real receiver on %s hears the whole protocol from our pid', async (_case, path) => {
  const child = spawn('python3', [receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => JSON.parse((await lines.next()).value);
  try {
    expect(await next()).toBe('listening');
    const log = new FakeLog();
    const manager = createNotifier({ environment: { NOTIFY_SOCKET: path }, log, pid: process.pid });
    manager.ready('2 pools running');
    manager.status('1 of 2 pools running');
    manager.reloading(monotonicMicroseconds());
    manager.watchdog();
    manager.stopping('stopping 2 pools');
    expect(await next()).toEqual([process.pid, 'READY=1\nSTATUS=2 pools running']);
    expect(await next()).toEqual([process.pid, 'STATUS=1 of 2 pools running']);
    expect(await next()).toEqual([process.pid, expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/)]);
    expect(await next()).toEqual([process.pid, 'WATCHDOG=1']);
    expect(await next()).toEqual([process.pid, 'STOPPING=1\nSTATUS=stopping 2 pools']);
    expect(log.lines).toEqual([]);
  } finally {
    child.kill();
    await once(child, 'close');
  }
  rmSync(directory, { recursive: true, force: true });
});
