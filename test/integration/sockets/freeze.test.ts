import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { readProcess } from '../../../src/host/process-table.ts';
import { threadStates } from '../../../src/host/procfs.ts';
import type { Endpoint, ListenSocket } from '../../../src/sockets/endpoint.ts';
import { signalIfIdle } from '../../../src/sockets/freeze.ts';
import { UnixEndpoint } from '../../../src/sockets/unix-endpoint.ts';
import {
  eventually,
  greeter,
  holder,
  readAll,
  requireRoot,
  threadedHolder,
  type Worker,
  Workshop,
} from './support.ts';

let shop: Workshop;
let endpoint: Endpoint;
let socket: ListenSocket;
beforeEach(() => {
  shop = new Workshop();
  endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
  socket = endpoint.open();
  endpoint.publish(socket);
});
afterEach(async () => {
  socket.close();
  await shop.tearDown();
});

function retire(worker: Worker) {
  return signalIfIdle({
    sockets: [socket],
    tree: () => (worker.hasExited ? [] : [named(worker.pid)]),
    clock: systemClock,
  });
}

function named(pid: number) {
  return { pid, startTime: readProcess(pid)?.startTime ?? 0 };
}

describe('freezing a worker to look at it', () => {
  it.each([
    ['a Python loop', holder],
    ['threads', threadedHolder],
  ])('kills %s only when it holds no connection', async (_, argv) => {
    const worker = shop.worker(socket.fd, argv);
    await worker.says('up');
    const client = shop.client(shop.path('app.sock'));
    await eventually('accepted', () => !client.connecting && !socket.hasQueued());
    await eventually('it is found busy', async () => (await retire(worker)) === 'busy');
    await eventually('it goes on', () => threadStates(worker.pid).every((state) => state !== 'T'));
    client.destroy();
    await eventually('it is killed', async () => (await retire(worker)) === 'idle');
    await eventually('it has ended', () => worker.hasExited);
    expect(worker.child.signalCode).toBe('SIGKILL');
    expect(await retire(worker)).toBe('gone');
  });

  it('lets a worker go on that it may not look into', async () => {
    requireRoot();
    const worker = shop.worker(socket.fd, holder);
    await worker.says('up');
    // Our real user stays root: it may send signals to the worker, but not look into it.
    process.seteuid?.(65534);
    try {
      expect(await retire(worker)).toBe('unknown');
    } finally {
      process.seteuid?.(0);
    }
    await eventually('it goes on', () => threadStates(worker.pid).every((state) => state !== 'T'));
    expect(worker.hasExited).toBe(false);
  });

  it('rolls the workers of a saturated socket without losing a connection', async () => {
    let workers = await Promise.all([1, 2, 3].map(start));
    const answers = new Map<string, number>();
    const count = (): number => answers.get('g') ?? 0;
    let isRunning = true;
    const clients = Array.from({ length: 6 }, async () => {
      while (isRunning) {
        const answer = await readAll(shop.client(shop.path('app.sock'))).catch(
          (error: Error) => error.message,
        );
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    });
    for (let round = 0; round < 3; round += 1) {
      const fresh = await Promise.all([1, 2, 3].map(start));
      const seen = count();
      await eventually('the clients are served', () => count() > seen + 20);
      for (const old of workers) {
        await eventually('the old worker is caught idle', async () => (await retire(old)) === 'idle');
        await eventually('it has ended', () => old.hasExited);
      }
      workers = fresh;
    }
    isRunning = false;
    await Promise.all(clients);
    expect([...answers.keys()]).toEqual(['g']);
  });
});

async function start(): Promise<Worker> {
  const worker = shop.worker(socket.fd, greeter('g'));
  await worker.says('up');
  return worker;
}
