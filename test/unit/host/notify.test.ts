import { expect, test } from 'vitest';
import { createNotifier } from '../../../src/host/notify.ts';
import { FakeLog } from '../../helpers/fake-log.ts';

function notifier(environment: NodeJS.ProcessEnv, send?: (path: string, bytes: Buffer) => void) {
  const sent: string[] = [];
  const log = new FakeLog();
  const keep = (path: string, bytes: Buffer): void => void sent.push(`${path} ${bytes}`);
  return { sent, log, notifier: createNotifier({ environment, log, pid: 7, send: send ?? keep }) };
}

test('the variables of the service manager are taken out of the environment', () => {
  const environment = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7', LANG: 'C' };
  expect(notifier(environment).notifier.watchdogTimeoutMs).toBe(30_000);
  expect(environment).toEqual({ LANG: 'C' });
});

test('a watchdog that is meant for another process is not ours', () => {
  const environment = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' };
  expect(notifier(environment).notifier.watchdogTimeoutMs).toBeUndefined();
  expect(notifier({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: 'soon' }).notifier.watchdogTimeoutMs).toBeUndefined();
});

test('nothing is sent when no service manager listens', () => {
  const { sent, notifier: quiet } = notifier({});
  quiet.ready('fine');
  quiet.stopping('bye');
  expect(sent).toEqual([]);
});

test('a status stays on one line, so that it cannot pass for another assignment', () => {
  const { sent, notifier: manager } = notifier({ NOTIFY_SOCKET: '/n' });
  manager.status('one\nREADY=1');
  expect(sent).toEqual(['/n STATUS=one READY=1']);
});

test('a manager that is gone is reported once and harms nobody', () => {
  const { log, notifier: manager } = notifier({ NOTIFY_SOCKET: '/n' }, () => {
    throw new Error('sendto failed');
  });
  manager.ready('fine');
  manager.watchdog();
  expect(log.of('notify.failed')).toEqual([expect.objectContaining({ path: '/n', reason: 'sendto failed' })]);
});

test('a reload that ends while the daemon stops says nothing', () => {
  const { sent, notifier: manager } = notifier({ NOTIFY_SOCKET: '/n' });
  manager.stopping('bye');
  manager.reloading(7n);
  manager.ready('fine');
  expect(sent).toEqual(['/n STOPPING=1\nSTATUS=bye']);
});
