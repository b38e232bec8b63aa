import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import type { NewLead } from '../../../src/sockets/drain.ts';
import { watchDrain } from '../../../src/sockets/drain-watch.ts';
import type { Endpoint, ListenSocket } from '../../../src/sockets/endpoint.ts';
import { TcpEndpoint } from '../../../src/sockets/tcp-endpoint.ts';
import { UnixEndpoint } from '../../../src/sockets/unix-endpoint.ts';
import {
  eventually,
  freePort,
  greeter,
  holder,
  readAll,
  requireRoot,
  type Worker,
  Workshop,
} from './support.ts';

let shop: Workshop;
let cleanUp: (() => void)[];
beforeEach(() => {
  shop = new Workshop();
  cleanUp = [];
});
afterEach(async () => {
  for (const action of cleanUp) action();
  await shop.tearDown();
});

/** Resolves with the milliseconds from now until the sockets are drained. */
function drained(sockets: readonly ListenSocket[], workers: readonly Worker[], lead: NewLead = 'elsewhere') {
  const begin = performance.now();
  let afterMs: number | undefined;
  const watch = watchDrain({
    sockets,
    lead,
    ownPids: () => workers.map(({ pid }) => pid),
    pids: () => workers.map(({ pid }) => pid),
    onDrained: () => {
      afterMs = performance.now() - begin;
    },
    clock: systemClock,
  });
  cleanUp.push(() => watch.cancel());
  return { watch, isDone: () => afterMs !== undefined, tookMs: () => afterMs ?? 0 };
}

async function makeEndpoint(
  kind: string,
): Promise<{ endpoint: Endpoint; target: Parameters<Workshop['client']>[0] }> {
  if (kind === 'unix') {
    return { endpoint: new UnixEndpoint(shop.unixPlan('app.sock')), target: shop.path('app.sock') };
  }
  const host = kind === 'tcp4' ? '127.0.0.1' : '::1';
  const port = await freePort(host);
  const family = kind === 'tcp4' ? 4 : 6;
  const plan = { ...shop.unixPlan('x'), address: { kind: 'tcp', host, port, family } } as const;
  return { endpoint: new TcpEndpoint(plan, systemClock), target: { host, port } };
}

function openOn(endpoint: Endpoint): ListenSocket {
  const socket = endpoint.open();
  cleanUp.push(() => socket.close());
  return socket;
}

describe.each(['unix', 'tcp4', 'tcp6'])('a drain on %s', (kind) => {
  it('waits for connections in hand and in the queue, and lingers for a second', async () => {
    const { endpoint, target } = await makeEndpoint(kind);
    const old = openOn(endpoint);
    endpoint.publish(old);
    const worker = shop.worker(old.fd, holder);
    const [first, second] = [shop.client(target), shop.client(target)];
    await eventually('one accepted, one queued', () => old.queued() === 1);
    const next = openOn(endpoint);
    endpoint.publish(next);

    const { watch, isDone, tookMs } = drained([old], [worker]);
    await eventually('both are seen', () => {
      const { accepted, queued } = watch.look();
      return accepted === 1 && queued === 1;
    });
    first.destroy();
    await eventually('the second is in hand', () => old.queued() === 0 && watch.look().accepted === 1);
    expect(isDone()).toBe(false);
    second.destroy();
    await eventually('it is drained', isDone);
    expect(tookMs()).toBeGreaterThan(1000);
    expect(watch.look()).toEqual({ accepted: 0, queued: 0, unknown: [] });
  });

  it('is over after the linger when there was nothing', async () => {
    const { endpoint } = await makeEndpoint(kind);
    const old = openOn(endpoint);
    const { isDone, tookMs } = drained([old], []);
    await eventually('it is drained', isDone);
    expect(tookMs()).toBeGreaterThanOrEqual(1000);
    expect(tookMs()).toBeLessThan(4000);
  });

  it('is over almost at once when there was nothing and the address leads nowhere', async () => {
    const { endpoint } = await makeEndpoint(kind);
    const old = openOn(endpoint);
    endpoint.publish(old);
    endpoint.withdraw();
    const { isDone, tookMs } = drained([old], [], 'nowhere');
    await eventually('it is drained', isDone);
    expect(tookMs()).toBeLessThan(900);
  });

  it('serves what comes during the linger, and waits for it', async () => {
    const { endpoint, target } = await makeEndpoint(kind);
    const old = openOn(endpoint);
    endpoint.publish(old);
    const worker = shop.worker(old.fd, holder);
    await worker.says('up');
    const begin = performance.now();
    const { isDone } = drained([old], [worker]);
    await eventually('it lingers', () => performance.now() - begin > 200);
    const late = shop.client(target);
    await eventually('it is not over though the linger is', () => performance.now() - begin > 1500);
    expect(isDone()).toBe(false);
    late.destroy();
    await eventually('it is drained', isDone);
  });
});

describe('a drain', () => {
  it('waits for a client in another network namespace', async () => {
    requireRoot();
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const old = openOn(endpoint);
    endpoint.publish(old);
    const worker = shop.worker(old.fd, holder);
    await worker.says('up');
    const script = `import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect("${shop.path('app.sock')}")\nprint("connected")\nsys.stdin.readline()`;
    const client = shop.worker('pipe', ['unshare', '--net', '/usr/bin/python3', '-uc', script]);
    await client.says('connected');
    const next = openOn(endpoint);
    endpoint.publish(next);
    const begin = performance.now();
    const { isDone, watch } = drained([old], [worker]);
    await eventually('the linger would be over', () => performance.now() - begin > 1500);
    expect(isDone()).toBe(false);
    expect(watch.look().accepted).toBe(1);
    client.child.stdin?.end('go\n');
    await eventually('it is drained', isDone);
  });

  it('is never over while a process may not be looked into', async () => {
    requireRoot();
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const old = openOn(endpoint);
    const worker = shop.worker(old.fd, holder);
    await worker.says('up');
    process.seteuid?.(65534);
    try {
      const begin = performance.now();
      const { isDone, watch } = drained([old], [worker]);
      await eventually('the linger would be over', () => performance.now() - begin > 1500);
      expect(isDone()).toBe(false);
      expect(watch.look().unknown).toEqual([worker.pid]);
      watch.cancel();
    } finally {
      process.seteuid?.(0);
    }
  });

  it('loses no request of clients that saturate the workers, which are killed as soon as it is over', async () => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    let live = openOn(endpoint);
    let workers = [1, 2].map(() => shop.worker(live.fd, greeter('g')));
    await Promise.all(workers.map((worker) => worker.says('up')));
    endpoint.publish(live);
    const answers = new Map<string, number>();
    let isRunning = true;
    const clients = Array.from({ length: 12 }, async () => {
      while (isRunning) {
        const answer = await readAll(shop.client(shop.path('app.sock'))).catch(
          (error: Error) => error.message,
        );
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    });
    for (let round = 0; round < 4; round += 1) {
      const next = openOn(endpoint);
      const fresh = [1, 2].map(() => shop.worker(next.fd, greeter('g')));
      await Promise.all(fresh.map((worker) => worker.says('up')));
      endpoint.publish(next);
      const { isDone } = drained([live], workers);
      await eventually('the old ones are drained', isDone);
      for (const worker of workers) worker.child.kill('SIGKILL');
      live.close();
      live = next;
      workers = fresh;
    }
    isRunning = false;
    await Promise.all(clients);
    expect([...answers.keys()]).toEqual(['g']);
    expect(answers.get('g')).toBeGreaterThan(100);
  });
});
