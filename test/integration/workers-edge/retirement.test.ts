import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { readProcess } from '../../../src/host/process-table.ts';
import { requestOnce } from '../../../src/probes/request-once.ts';
import type { ListenSocket } from '../../../src/sockets/endpoint.ts';
import { UnixEndpoint } from '../../../src/sockets/unix-endpoint.ts';
import { Retirement } from '../../../src/workers/retirement.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { eventually, type Worker, Workshop } from '../sockets/support.ts';

const fixtures = `${import.meta.dirname}/../../fixtures`;

let shop: Workshop;
let socket: ListenSocket;
let log: FakeLog;
beforeEach(() => {
  shop = new Workshop();
  log = new FakeLog();
  const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
  socket = endpoint.open();
  endpoint.publish(socket);
});
afterEach(async () => {
  socket.close();
  await shop.tearDown();
});

function start(fixture: string, environment: Record<string, string> = {}): Worker {
  return shop.worker(socket.fd, [`${fixtures}/${fixture}`], environment);
}

async function request(query = ''): Promise<string> {
  const { body } = await requestOnce({ kind: 'unix', path: shop.path('app.sock') }, [
    ['REQUEST_METHOD', 'GET'],
    ['REQUEST_URI', '/'],
    ['QUERY_STRING', query],
  ]);
  return body.toString();
}

function retire({ pid }: Worker): Retirement {
  const startTime = readProcess(pid)?.startTime ?? 0;
  return new Retirement({
    tree: () => [{ pid, startTime }],
    socket,
    stopSignal: 'SIGTERM',
    clock: systemClock,
    log,
  });
}

describe('a worker that retires', () => {
  it('ends the work that it does after its response, however long that takes', async () => {
    const [work, gate] = [shop.path('work'), shop.path('gate')];
    const worker = start('works-after-response', { WORK_LOG: work, WORK_UNTIL: gate });
    expect(await request()).toContain('GET /');
    const retirement = retire(worker);
    await eventually('it is told to end', () => retirement.isSignaled);
    // Longer than a program may wait for connections, or serve others, after its stop signal.
    await systemClock.sleep(2_500);
    expect([worker.hasExited, existsSync(work)]).toEqual([false, false]);
    writeFileSync(gate, '');
    await eventually('the worker has ended', () => worker.hasExited);
    retirement.cancel();
    expect(worker.child.signalCode).not.toBe('SIGKILL');
    expect(existsSync(work)).toBe(true);
  });

  it('finishes its request, although it would abort it on its stop signal', async () => {
    const worker = start('aborts-on-sigterm');
    const gate = shop.path('gate');
    const answer = request(`until=${gate}`);
    await worker.says('busy');
    retire(worker);
    await systemClock.sleep(500);
    writeFileSync(gate, '');
    expect(await answer).toContain('GET /');
    await eventually('the worker has ended', () => worker.hasExited);
    expect([worker.child.exitCode, log.lines]).toEqual([0, []]);
  });

  it('says what it has in hand, and whether it has had its moment', async () => {
    const worker = start('aborts-on-sigterm');
    const gate = shop.path('gate');
    const answer = request(`until=${gate}`);
    await worker.says('busy');
    const retirement = retire(worker);
    expect([retirement.isSignaled, retirement.connections()]).toEqual([false, 1]);
    writeFileSync(gate, '');
    await answer;
    await eventually('the worker has ended', () => worker.hasExited);
    expect([retirement.isSignaled, retirement.connections()]).toEqual([true, 0]);
  });

  it('is killed soon where it waits for more in spite of its stop signal', async () => {
    const worker = start('ignores-sigterm');
    await request();
    retire(worker);
    await eventually('the worker has ended', () => worker.hasExited);
    expect(worker.child.signalCode).toBe('SIGKILL');
  });

  it('is killed between two requests where it serves on in spite of its stop signal', async () => {
    const worker = start('ignores-sigterm');
    await request();
    retire(worker);
    const exited = once(worker.child, 'exit');
    const answers = [];
    // The last one waits until somebody else serves the socket.
    while (!worker.hasExited) {
      const answer = request('seconds=0.05');
      answers.push(answer);
      await Promise.race([answer, exited]);
      await systemClock.sleep(10);
    }
    expect(worker.child.signalCode).toBe('SIGKILL');
    start('answers');
    for (const answer of await Promise.all(answers)) expect(answer).toContain('GET /');
  });
});
