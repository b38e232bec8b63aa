import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RunfcgidError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/host/clock.ts';
import {
  closeDescriptor,
  isBlocking,
  openStreamSocket,
  startConnect,
} from '../../../src/host/kernel/sockets.ts';
import { readTables, tcpState } from '../../../src/host/socket-tables.ts';
import type { ListenSocket } from '../../../src/sockets/endpoint.ts';
import type { TcpListenPlan } from '../../../src/sockets/open-tcp-socket.ts';
import { PortMembers } from '../../../src/sockets/port-members.ts';
import { TcpEndpoint } from '../../../src/sockets/tcp-endpoint.ts';
import { freePort } from '../../helpers/free-port.ts';
import { eventually, greeter, readAll, refusal, requireRoot, Workshop } from './support.ts';

type Family = 4 | 6;
const hosts = { 4: '127.0.0.1', 6: '::1' } as const;

let shop: Workshop;
let open: ListenSocket[];
beforeEach(() => {
  shop = new Workshop();
  open = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const socket of open) socket.close();
  await shop.tearDown();
});

async function planOn(family: Family, changes: Partial<TcpListenPlan> = {}): Promise<TcpListenPlan> {
  const host = hosts[family];
  return {
    address: { kind: 'tcp', host, family, port: await freePort(host) },
    backlog: 256,
    mode: 0o666,
    uid: undefined,
    gid: undefined,
    runtimeDir: shop.directory,
    isBlocking: true,
    ...changes,
  };
}

async function endpointOn(family: Family, changes: Partial<TcpListenPlan> = {}): Promise<TcpEndpoint> {
  return new TcpEndpoint(await planOn(family, changes), systemClock);
}

/** The endpoints of a daemon and of the one that follows it on the same port. */
async function successiveOn(family: Family): Promise<{ before: TcpEndpoint; after: TcpEndpoint }> {
  const plan = await planOn(family);
  const before = new TcpEndpoint(plan, systemClock);
  return { before, after: new TcpEndpoint(plan, systemClock, [process.pid]) };
}

function listeners({ address: { port } }: TcpEndpoint): number {
  return readTables()
    .tcp()
    .filter((row) => row.port === port && row.state === tcpState.listen).length;
}

function openOn(endpoint: TcpEndpoint): ListenSocket {
  const socket = endpoint.open();
  open.push(socket);
  return socket;
}

function ask({ address }: TcpEndpoint): Promise<string> {
  const host = address.host === '0.0.0.0' ? '127.0.0.1' : address.host;
  return readAll(shop.client({ host, port: address.port }));
}

async function askMany(endpoint: TcpEndpoint, times: number): Promise<readonly string[]> {
  return [...new Set(await Promise.all(Array.from({ length: times }, () => ask(endpoint))))];
}

/** Descriptors that can be given back, since raising a limit again takes some. */
function openSpares(): number[] {
  return Array.from({ length: 32 }, () => openSync('/dev/null', 'r'));
}

/** Carries out `action` while this process has no descriptor left below `limit`, and gets none above. */
function withoutDescriptors(spares: number[], limit: number, action: () => void): void {
  const [, before] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  limitDescriptors(limit);
  try {
    expect(() => {
      for (;;) spares.push(openSync('/dev/null', 'r'));
    }).toThrow('EMFILE');
    action();
  } finally {
    for (const spare of spares) closeSync(spare);
    limitDescriptors(Number(before));
  }
}

function limitDescriptors(limit: number): void {
  const { status, error } = spawnSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${limit}:`]);
  expect(error).toBeUndefined();
  expect(status).toBe(0);
}

/** Begins to connect, many times, without waiting. */
function knock({ address }: TcpEndpoint): readonly number[] {
  return Array.from({ length: 20 }, () => {
    const fd = openStreamSocket(address.family === 6 ? 'inet6' : 'inet', 'non-blocking');
    startConnect(fd, address);
    return fd;
  });
}

async function worker(socket: ListenSocket, name: string): Promise<void> {
  await shop.worker(socket.fd, greeter(name)).says('up');
}

describe.each([4, 6] as const)('a TCP endpoint on IPv%i', (family) => {
  it('moves every new connection at once when another generation is published', async () => {
    const endpoint = await endpointOn(family);
    const first = openOn(endpoint);
    await worker(first, 'first');
    endpoint.publish(first);
    expect(await askMany(endpoint, 40)).toEqual(['first']);
    const second = openOn(endpoint);
    await worker(second, 'second');
    expect(await askMany(endpoint, 40)).toEqual(['first']);
    endpoint.publish(second);
    expect(endpoint.isPublished(first)).toBe(false);
    expect(endpoint.isPublished(second)).toBe(true);
    expect(await askMany(endpoint, 40)).toEqual(['second']);
    endpoint.publish(first);
    expect(await askMany(endpoint, 40)).toEqual(['first']);
  });

  it('keeps steering rightly while generations leave and join', async () => {
    const endpoint = await endpointOn(family);
    let live = openOn(endpoint);
    await worker(live, 'g0');
    endpoint.publish(live);
    for (let round = 1; round <= 6; round += 1) {
      const next = openOn(endpoint);
      await worker(next, `g${round}`);
      expect(await askMany(endpoint, 10)).toEqual([`g${round - 1}`]);
      endpoint.publish(next);
      expect(await askMany(endpoint, 10)).toEqual([`g${round}`]);
      live.close();
      expect(await askMany(endpoint, 10)).toEqual([`g${round}`]);
      live = next;
    }
  });

  it('lets the probe alone reach the candidate', async () => {
    const endpoint = await endpointOn(family);
    const live = openOn(endpoint);
    endpoint.publish(live);
    const candidate = openOn(endpoint);
    const clients = Array.from({ length: 20 }, () => shop.client(endpoint.address));
    const probes = await Promise.all([1, 2, 3].map(() => candidate.connectPrivately()));
    clients.push(...Array.from({ length: 20 }, () => shop.client(endpoint.address)));
    await eventually('all clients wait at the live socket', () => live.queued() === 40);
    expect(candidate.queued()).toBe(3);
    const toLive = await live.connectPrivately();
    expect(live.queued()).toBe(41);
    for (const probe of [...probes, toLive]) probe.close();
  });

  it('lets nobody but the probe reach a first socket that was not published', async () => {
    const endpoint = await endpointOn(family);
    const socket = openOn(endpoint);
    const early = ask(endpoint);
    const probe = await socket.connectPrivately();
    expect(socket.queued()).toBe(1);
    probe.close();
    endpoint.publish(socket);
    await worker(socket, 'ready');
    expect(await early).toBe('ready');
  });

  it('serves what waits after it was withdrawn, and leaves newcomers to its successor', async () => {
    const endpoint = await endpointOn(family);
    const old = openOn(endpoint);
    endpoint.publish(old);
    const waiting = ask(endpoint);
    await eventually('the client is queued', () => old.queued() === 1);
    endpoint.withdraw();
    expect(endpoint.isPublished(old)).toBe(false);
    const newcomer = ask(endpoint);
    await worker(old, 'old');
    expect(await waiting).toBe('old');
    const successor = openOn(endpoint);
    await worker(successor, 'successor');
    endpoint.publish(successor);
    expect(await newcomer).toBe('successor');
  });

  it('refuses newcomers once the withdrawn socket is closed', async () => {
    const endpoint = await endpointOn(family);
    const socket = openOn(endpoint);
    endpoint.publish(socket);
    endpoint.withdraw();
    const answer = ask(endpoint);
    socket.close();
    await expect(answer).rejects.toThrow('ECONNREFUSED');
  });

  it('has one socket more while nobody is published, and only then', async () => {
    const endpoint = await endpointOn(family);
    const counts: number[] = [];
    const count = (): number => counts.push(listeners(endpoint));
    const first = openOn(endpoint);
    count();
    endpoint.publish(first);
    count();
    const second = openOn(endpoint);
    count();
    endpoint.withdraw();
    count();
    endpoint.publish(first);
    count();
    second.close();
    endpoint.withdraw();
    first.close();
    count();
    expect(counts).toEqual([2, 1, 2, 3, 2, 0]);
  });

  it('shows nobody a candidate that the published socket leaves behind', async () => {
    const endpoint = await endpointOn(family);
    const live = openOn(endpoint);
    endpoint.publish(live);
    const candidate = openOn(endpoint);
    live.close();
    const clients = Array.from({ length: 20 }, () => ask(endpoint));
    const probe = await candidate.connectPrivately();
    expect(candidate.queued()).toBe(1);
    probe.close();
    await worker(candidate, 'proven');
    endpoint.publish(candidate);
    expect(new Set(await Promise.all(clients))).toEqual(new Set(['proven']));
  });

  it('shows nobody a candidate while the table is read after its withdrawn predecessor was closed', async () => {
    const endpoint = await endpointOn(family);
    const live = openOn(endpoint);
    endpoint.publish(live);
    const candidate = openOn(endpoint);
    endpoint.withdraw();
    const knocking: number[] = [];
    const { reconcile } = PortMembers.prototype;
    vi.spyOn(PortMembers.prototype, 'reconcile').mockImplementation(function (this: PortMembers) {
      knocking.push(...knock(endpoint));
      return reconcile.call(this);
    });
    live.close();
    vi.restoreAllMocks();
    expect(knocking.length).toBeGreaterThan(0);
    const probe = await candidate.connectPrivately();
    expect(candidate.queued()).toBe(1);
    probe.close();
    for (const fd of knocking) closeDescriptor(fd);
  });

  it('closes a published socket also where there is no descriptor to withdraw it with, and hides the candidate', async () => {
    const spares = openSpares();
    const endpoint = await endpointOn(family);
    const live = openOn(endpoint);
    endpoint.publish(live);
    const candidate = openOn(endpoint);
    withoutDescriptors(spares, Math.max(live.fd, candidate.fd) + 1, () => {
      expect(() => endpoint.withdraw()).toThrow('EMFILE');
      live.close();
    });
    expect(listeners(endpoint)).toBe(2);
    const clients = Array.from({ length: 20 }, () => ask(endpoint));
    const probe = await candidate.connectPrivately();
    expect(candidate.queued()).toBe(1);
    probe.close();
    await worker(candidate, 'proven');
    endpoint.publish(candidate);
    expect(new Set(await Promise.all(clients))).toEqual(new Set(['proven']));
  });

  it('tells that it could not hide a candidate, and has closed the published socket all the same', async () => {
    const spares = openSpares();
    const endpoint = await endpointOn(family);
    const live = openOn(endpoint);
    endpoint.publish(live);
    const candidate = openOn(endpoint);
    withoutDescriptors(spares, live.fd, () => {
      expect(() => live.close()).toThrow('EMFILE');
    });
    expect(listeners(endpoint)).toBe(1);
    const next = openOn(endpoint);
    await worker(next, 'next');
    endpoint.publish(next);
    expect(await askMany(endpoint, 20)).toEqual(['next']);
    candidate.close();
    expect(await askMany(endpoint, 20)).toEqual(['next']);
  });

  it('leaves it to the daemon that takes over where a withdrawn port leads', async () => {
    const { before, after } = await successiveOn(family);
    const old = openOn(before);
    await worker(old, 'old');
    before.publish(old);
    const fresh = openOn(after);
    await worker(fresh, 'fresh');
    expect(await askMany(before, 20)).toEqual(['old']);
    after.publish(fresh);
    expect(await askMany(before, 20)).toEqual(['fresh']);
    before.withdraw();
    expect([before.isFollowed, after.isFollowed]).toEqual([true, false]);
    expect(listeners(before)).toBe(2);
    expect(await askMany(before, 20)).toEqual(['fresh']);
    old.close();
    expect(await askMany(before, 20)).toEqual(['fresh']);
  });

  it('shows nobody a candidate whose predecessor goes before it is published', async () => {
    const { before, after } = await successiveOn(family);
    const old = openOn(before);
    before.publish(old);
    const fresh = openOn(after);
    before.withdraw();
    old.close();
    const clients = Array.from({ length: 20 }, () => ask(after));
    const probe = await fresh.connectPrivately();
    expect(fresh.queued()).toBe(1);
    probe.close();
    await worker(fresh, 'fresh');
    after.publish(fresh);
    expect(new Set(await Promise.all(clients))).toEqual(new Set(['fresh']));
  });

  it('is not misled by a stray process that still holds a closed socket', async () => {
    const endpoint = await endpointOn(family);
    const old = openOn(endpoint);
    endpoint.publish(old);
    shop.worker(old.fd, ['sleep', '60']);
    const live = openOn(endpoint);
    await worker(live, 'live');
    endpoint.publish(live);
    old.close();
    expect(await askMany(endpoint, 30)).toEqual(['live']);
    const next = openOn(endpoint);
    await worker(next, 'next');
    expect(await askMany(endpoint, 30)).toEqual(['live']);
    endpoint.publish(next);
    expect(await askMany(endpoint, 30)).toEqual(['next']);
  });

  it('refuses a port where somebody listens, and names them', async () => {
    const endpoint = await endpointOn(family);
    const { port, host } = endpoint.address;
    const script = `import socket,time\ns=socket.create_server(("${host}",${port}),family=socket.${family === 6 ? 'AF_INET6' : 'AF_INET'})\nprint("up")\ntime.sleep(60)`;
    const other = shop.worker('ignore', ['/usr/bin/python3', '-uc', script]);
    await other.says('up');
    const error = refusal(() => endpoint.open());
    expect(error.code).toBe('LISTEN_IN_USE');
    expect(error.message).toContain(`pid ${other.pid} (python3), user root listens there`);
  });

  it('refuses a port that another process of our user would share silently, and names it', async () => {
    const endpoint = await endpointOn(family);
    const { port, host } = endpoint.address;
    const script = `import socket,time\ns=socket.create_server(("${host}",${port}),reuse_port=True,family=socket.${family === 6 ? 'AF_INET6' : 'AF_INET'})\nprint("up")\ntime.sleep(60)`;
    const other = shop.worker('ignore', ['/usr/bin/python3', '-uc', script]);
    await other.says('up');
    expect(refusal(() => endpoint.open()).message).toContain(`pid ${other.pid} (python3), user root`);
  });

  it('does not switch while a stranger has joined the port, and still steers rightly', async () => {
    const endpoint = await endpointOn(family);
    const first = openOn(endpoint);
    await worker(first, 'first');
    endpoint.publish(first);
    const second = openOn(endpoint);
    await worker(second, 'second');
    const { port, host } = endpoint.address;
    const script = `import socket,time\ns=socket.create_server(("${host}",${port}),reuse_port=True,family=socket.${family === 6 ? 'AF_INET6' : 'AF_INET'})\nprint("up")\ntime.sleep(60)`;
    const other = shop.worker('ignore', ['/usr/bin/python3', '-uc', script]);
    await other.says('up');
    expect(refusal(() => endpoint.publish(second)).code).toBe('LISTEN_IN_USE');
    expect(await askMany(endpoint, 20)).toEqual(['first']);
    second.close();
    expect(await askMany(endpoint, 20)).toEqual(['first']);
  });

  it('has room for two generations, and says so', async () => {
    const endpoint = await endpointOn(family);
    openOn(endpoint);
    openOn(endpoint);
    expect(refusal(() => endpoint.open()).message).toContain('2 generations listen there already');
  });

  it('loses no connection in many switches under load, with workers killed when nothing waits', async () => {
    const endpoint = await endpointOn(family);
    let live = openOn(endpoint);
    await worker(live, 'g');
    endpoint.publish(live);
    const answers = new Map<string, number>();
    const count = (): number => answers.get('g') ?? 0;
    let isRunning = true;
    const clients = Array.from({ length: 8 }, async () => {
      while (isRunning) {
        const answer = await ask(endpoint).catch((error: Error) => error.message);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    });
    for (let round = 0; round < 10; round += 1) {
      const next = openOn(endpoint);
      await worker(next, 'g');
      endpoint.publish(next);
      const seen = count();
      await eventually('the clients are served', () => count() > seen + 10);
      const old = live;
      // The greeter answers at once: an empty queue, some moments long, means that it has finished.
      let emptyLooks = 0;
      await eventually('the old queue is empty', () => {
        emptyLooks = old.queued() === 0 ? emptyLooks + 1 : 0;
        return emptyLooks > 5;
      });
      old.close();
      live = next;
    }
    isRunning = false;
    await Promise.all(clients);
    expect([...answers.keys()]).toEqual(['g']);
  });
});

describe('a TCP endpoint', () => {
  it('serves both families of "every address" side by side', async () => {
    const port = await freePort('127.0.0.1');
    const four = await endpointOn(4, { address: { kind: 'tcp', family: 4, host: '0.0.0.0', port } });
    const six = await endpointOn(6, { address: { kind: 'tcp', family: 6, host: '::', port } });
    for (const [endpoint, name] of [
      [four, 'four'],
      [six, 'six'],
    ] as const) {
      const socket = openOn(endpoint);
      await worker(socket, name);
      endpoint.publish(socket);
      (await socket.connectPrivately()).close();
    }
    expect(await readAll(shop.client({ host: '127.0.0.1', port }))).toBe('four');
    expect(await readAll(shop.client({ host: '::1', port }))).toBe('six');
  });

  it('opens blocking sockets, and non-blocking ones where the plan says so', async () => {
    expect(isBlocking(openOn(await endpointOn(4)).fd)).toBe(true);
    expect(isBlocking(openOn(await endpointOn(4, { isBlocking: false })).fd)).toBe(false);
  });

  it('explains an address that no interface has', async () => {
    const endpoint = await endpointOn(4, { address: { kind: 'tcp', family: 4, host: '192.0.2.1', port: 9 } });
    const error = refusal(() => endpoint.open());
    expect(error.code).toBe('LISTEN_FAILED');
    expect(error.message).toContain('no network interface of this machine has the address 192.0.2.1');
  });

  it('names a listener of another user', async () => {
    requireRoot();
    const endpoint = await endpointOn(4);
    const { port } = endpoint.address;
    const script = `import os,socket,time\nos.setgid(65534);os.setuid(65534)\ns=socket.create_server(("127.0.0.1",${port}))\nprint("up")\ntime.sleep(60)`;
    const other = shop.worker('ignore', ['/usr/bin/python3', '-uc', script]);
    await other.says('up');
    expect(refusal(() => endpoint.open()).message).toContain(`pid ${other.pid} (python3), user nobody`);
  });

  it('is a RunfcgidError also when this very process listens already', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const endpoint = await endpointOn(4, {
      address: { kind: 'tcp', family: 4, host: '127.0.0.1', port: address.port },
    });
    expect(refusal(() => endpoint.open())).toBeInstanceOf(RunfcgidError);
    expect(refusal(() => endpoint.open()).message).toContain(`this daemon itself (pid ${process.pid})`);
    await new Promise((resolve) => server.close(resolve));
  });
});
