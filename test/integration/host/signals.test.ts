import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BundledScript, bundleScript } from '../../helpers/bundle-script.ts';

let fixture: BundledScript;

beforeAll(async () => {
  fixture = await bundleScript('test/fixtures/host/hears-signals.ts');
});

afterAll(() => fixture.remove());

test('a process hears its operator, and a broken pipe does not end it', async () => {
  const child = spawn(process.execPath, [fixture.path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const heard = async (): Promise<string> => (await lines.next()).value;
  expect(await heard()).toBe('listening');
  child.kill('SIGPIPE');
  for (const [signal, intent] of [
    ['SIGHUP', 'reload'],
    ['SIGUSR1', 'reopen-logs'],
    ['SIGTERM', 'stop'],
    ['SIGINT', 'stop-now'],
  ] as const) {
    child.kill(signal);
    expect(await heard()).toBe(intent);
  }
  expect(await ended).toEqual([0, null]);
});
