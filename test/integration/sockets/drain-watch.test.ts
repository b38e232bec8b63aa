import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/host/clock.ts';
import type { NewLead } from '../../../src/sockets/drain.ts';
import { watchDrain } from '../../../src/sockets/drain-watch.ts';
import type { Endpoint, ListenSocket } from '../../../src/sockets/endpoint.ts';
import { TcpEndpoint } from '../../../src/sockets/tcp-endpoint.ts';
import { UnixEndpoint } from '../../../src/sockets/unix-endpoint.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { freePort } from '../../helpers/free-port.ts';
import { eventually, greeter, holder, readAll, requireRoot, type Worker, Workshop } from './support.ts';

let shop: Workshop;
let cleanUp: (() => void)[];
/** The looks of a drain are all at once: its time passes by `advance` alone. */
let clock: FakeClock;
beforeEach(() => {
  shop = new Workshop();
  clock = new FakeClock();
  cleanUp = [];
});
afterEach(async () => {
  for (const action of cleanUp) action();
  await shop.tearDown();
});

interface Circumstances {
  readonly lead?: NewLead;
  readonly clock?: Clock;
}

function drain(
  sockets: readonly ListenSocket[],
  workers: readonly Worker[],
  { lead = 'elsewhere', clock: time = clock }: Circumstances = {},
) {
  let isDone = false;
  const watch = watchDrain({
    sockets,
    lead,
    ownPids: () => workers.map(({ pid }) => pid),
    pids: () => workers.map(({ pid }) => pid),
    onDrained: () => {
      isDone = true;
    },
    clock: time,
  });
  cleanUp.push(() => watch.cancel());
  return { watch, isDone: () => isDone };
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

    const { watch, isDone } = drain([old], [worker]);
    await eventually('both are seen', () => {
      const { accepted, queued } = watch.look();
      return accepted === 1 && queued === 1;
    });
    first.destroy();
    await eventually('the second is in hand', () => old.queued() === 0 && watch.look().accepted === 1);
    await clock.advance(5_000);
    expect(isDone()).toBe(false);
    second.destroy();
    await eventually('nothing is left', () => watch.look().accepted === 0);
    await clock.advance(1_000);
    expect(isDone()).toBe(false);
    await clock.advance(100);
    expect(isDone()).toBe(true);
    expect(watch.look()).toEqual({ accepted: 0, queued: 0, unknown: [] });
  });

  it('is over after the linger when there was nothing', async () => {
    const { endpoint } = await makeEndpoint(kind);
    const old = openOn(endpoint);
    const { isDone } = drain([old], []);
    await clock.advance(1_000);
    expect(isDone()).toBe(false);
    await clock.advance(100);
    expect(isDone()).toBe(true);
  });

  it('is over almost at once when there was nothing and the address leads nowhere', async () => {
    const { endpoint } = await makeEndpoint(kind);
    const old = openOn(endpoint);
    endpoint.publish(old);
    endpoint.withdraw();
    const { isDone } = drain([old], [], { lead: 'nowhere' });
    await clock.advance(100);
    expect(isDone()).toBe(false);
    await clock.advance(100);
    expect(isDone()).toBe(true);
  });

  it('serves what comes during the linger, and waits for it', async () => {
    const { endpoint, target } = await makeEndpoint(kind);
    const old = openOn(endpoint);
    endpoint.publish(old);
    const worker = shop.worker(old.fd, holder);
    await worker.says('up');
    const { isDone, watch } = drain([old], [worker]);
    await clock.advance(500);
    const late = shop.client(target);
    await eventually('it is in hand', () => watch.look().accepted === 1);
    await clock.advance(5_000);
    expect(isDone()).toBe(false);
    late.destroy();
    await eventually('nothing is left', () => watch.look().accepted === 0);
    await clock.advance(1_100);
    expect(isDone()).toBe(true);
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
    const { isDone, watch } = drain([old], [worker]);
    await clock.advance(5_000);
    expect(isDone()).toBe(false);
    expect(watch.look().accepted).toBe(1);
    client.child.stdin?.end('go\n');
    await eventually('nothing is left', () => watch.look().accepted === 0);
    await clock.advance(1_100);
    expect(isDone()).toBe(true);
  });

  it('is never over while a process may not be looked into', async () => {
    requireRoot();
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const old = openOn(endpoint);
    const worker = shop.worker(old.fd, holder);
    await worker.says('up');
    process.seteuid?.(65534);
    try {
      const { isDone, watch } = drain([old], [worker]);
      await clock.advance(5_000);
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
    const count = (): number => answers.get('g') ?? 0;
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
      const seen = count();
      await eventually('the clients are served', () => count() > seen + 20);
      const { isDone } = drain([live], workers, { clock: systemClock });
      await eventually('the old ones are drained', isDone);
      for (const worker of workers) worker.child.kill('SIGKILL');
      live.close();
      live = next;
      workers = fresh;
    }
    isRunning = false;
    await Promise.all(clients);
    expect([...answers.keys()]).toEqual(['g']);
  });
});
