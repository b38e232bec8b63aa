import { chmodSync, chownSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { type AcceptProof, proveAccept } from '../../../src/probes/accept-proof.ts';
import { mostProbes } from '../../../src/probes/probe-demand.ts';
import type { ListenSocket } from '../../../src/sockets/endpoint.ts';
import { TcpEndpoint } from '../../../src/sockets/tcp-endpoint.ts';
import { UnixEndpoint } from '../../../src/sockets/unix-endpoint.ts';
import { freePort } from '../../helpers/free-port.ts';
import {
  eventually,
  holder,
  perlFcgi,
  phpCgi,
  phpEnvironment,
  requireRoot,
  threadedHolder,
  type Worker,
  Workshop,
} from '../sockets/support.ts';

/** Accepts from when the file of its argument is there on. */
const slowStarter = [
  '/usr/bin/python3',
  '-uc',
  'import os,socket,sys,time\nwhile not os.path.exists(sys.argv[1]): time.sleep(.01)\ns=socket.socket(fileno=0)\nwhile 1:\n c,_=s.accept()\n c.recv(1)\n c.close()',
];

/** Its child accepts, as flup's children do. */
const prefork = [
  '/usr/bin/python3',
  '-uc',
  'import os,socket\nif os.fork()==0:\n os.setpgid(0,0)\n s=socket.socket(fileno=0)\n while 1:\n  c,_=s.accept(); c.recv(1); c.close()\nos.wait()',
];

let shop: Workshop;
let socket: ListenSocket;
beforeEach(() => {
  shop = new Workshop();
  socket = new UnixEndpoint(shop.unixPlan('app.sock')).open();
});
afterEach(async () => {
  socket.close();
  await shop.tearDown();
});

function prove(workers: readonly Worker[], more: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  const seen: string[] = [];
  const proof = proveAccept({
    sockets: [
      {
        socket,
        workers: workers.map(({ pid }) => ({ id: `w${pid}`, pid: () => pid, pids: () => withChildren(pid) })),
      },
    ],
    timeoutMs: 60_000,
    clock: systemClock,
    onProven: (id) => seen.push(id),
    ...more,
  });
  return { proof, seen };
}

async function expectAllProven(workers: readonly Worker[]): Promise<void> {
  const { proof, seen } = prove(workers);
  const { proven, unproven } = await proof;
  expect(unproven).toEqual([]);
  expect(proven).toEqual(workers.map(({ pid }) => `w${pid}`));
  expect([...seen].sort()).toEqual([...proven].sort());
}

/** Of this process: other files are opened for a moment at any time. */
function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => targetOf(fd)?.startsWith('socket:')).length;
}

function targetOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // what the listing was read with
  }
}

describe('the accept proof', () => {
  it.each([
    ['Perl FCGI', perlFcgi, {}],
    ['php-cgi', phpCgi, phpEnvironment],
    ['php-cgi that ends after one request', phpCgi, { ...phpEnvironment, PHP_FCGI_MAX_REQUESTS: '1' }],
    ['a Python loop', holder, {}],
    ['threads', threadedHolder, {}],
    ['a parent whose child accepts', prefork, {}],
  ])('finds three workers of %s, and leaves them alive and free', async (_, argv, environment) => {
    const workers = [1, 2, 3].map(() => shop.worker(socket.fd, argv, environment));
    const before = openSockets();
    await expectAllProven(workers);
    // The test runner opens and closes descriptors of its own meanwhile; a leak of ours would stay.
    await eventually('no probe stays open', () => openSockets() <= before);
    await eventually('no probe is left in the queue', () => !socket.hasQueued());
    const again = shop.client(socket.boundTo.kind === 'unix' ? socket.boundTo.path : '');
    await eventually('the next connection is accepted', () => !again.connecting && !socket.hasQueued());
    expect(workers.filter(({ hasExited }) => hasExited)).toEqual([]);
  });

  it('waits for a slow starter, although a threaded neighbour takes every connection at once', async () => {
    const greedy = shop.worker(socket.fd, threadedHolder);
    await greedy.says('up');
    const gate = shop.path('gate');
    const slow = shop.worker(socket.fd, [...slowStarter, gate]);
    const before = openSockets();
    const { proof, seen } = prove([greedy, slow]);
    let most = 0;
    const look = (): void => {
      most = Math.max(most, openSockets() - before);
    };
    await eventually('one is proven, and has taken what was meant for the other', () => {
      look();
      return seen.length === 1 && most > 2;
    });
    writeFileSync(gate, '');
    await eventually('both are proven', () => {
      look();
      return seen.length === 2;
    });
    expect(seen).toEqual([`w${greedy.pid}`, `w${slow.pid}`]);
    expect(most).toBeLessThanOrEqual(mostProbes(2));
    expect((await proof).unproven).toEqual([]);
  });

  it('does not take one threaded worker for three', async () => {
    const threaded = shop.worker(socket.fd, threadedHolder);
    const silent = [1, 2].map(() => shop.worker(socket.fd, ['sleep', '60']));
    const abort = new AbortController();
    const { proof, seen } = prove([threaded, ...silent], { signal: abort.signal });
    await eventually('the threaded one is proven', () => seen.length > 0);
    await systemClock.sleep(1_000);
    abort.abort();
    expect(await proof).toEqual({
      proven: [`w${threaded.pid}`],
      unproven: silent.map(({ pid }) => `w${pid}`),
    });
  });

  it.each([
    ['never accepts', ['sleep', '60']],
    ['exits with status 0', ['true']],
  ])('does not prove a worker that %s', async (_, argv) => {
    const worker = shop.worker(socket.fd, argv);
    const { proof, seen } = prove([worker], { timeoutMs: 500 });
    const result: AcceptProof = await proof;
    expect(result).toEqual({ proven: [], unproven: [`w${worker.pid}`] });
    expect(seen).toEqual([]);
  });

  it('ends soon when it is aborted, and closes what it holds', async () => {
    const worker = shop.worker(socket.fd, ['sleep', '60']);
    const abort = new AbortController();
    const before = openSockets();
    const { proof } = prove([worker], { signal: abort.signal });
    await eventually('the probe waits', () => socket.hasQueued());
    abort.abort();
    expect((await proof).unproven).toEqual([`w${worker.pid}`]);
    await eventually('no probe stays open', () => openSockets() <= before);
  });

  it('proves the workers of several sockets together, each on its own', async () => {
    const other = new UnixEndpoint(shop.unixPlan('other.sock')).open();
    const one = shop.worker(socket.fd, holder);
    const two = shop.worker(other.fd, holder);
    const sockets = [
      { socket, workers: [{ id: 'one', pid: () => one.pid, pids: () => [one.pid] }] },
      { socket: other, workers: [{ id: 'two', pid: () => two.pid, pids: () => [two.pid] }] },
    ];
    expect(await proveAccept({ sockets, timeoutMs: 60_000, clock: systemClock })).toEqual({
      proven: ['one', 'two'],
      unproven: [],
    });
    other.close();
  });

  it('makes do with accepted connections where it may not look into the workers', async () => {
    requireRoot();
    const workers = [shop.worker(socket.fd, holder), shop.worker(socket.fd, holder)];
    const path = socket.boundTo.kind === 'unix' ? socket.boundTo.path : '';
    for (const worker of workers) await worker.says('up');
    chownSync(shop.directory, 65534, -1);
    chownSync(shop.path('private'), 65534, -1);
    chmodSync(path, 0o666);
    process.seteuid?.(65534);
    try {
      expect((await prove(workers).proof).unproven).toEqual([]);
    } finally {
      process.seteuid?.(0);
    }
  });

  it('works in private on a TCP port whose live workers are busy', async () => {
    const port = await freePort('127.0.0.1');
    const plan = {
      ...shop.unixPlan('x'),
      address: { kind: 'tcp', host: '127.0.0.1', port, family: 4 },
    } as const;
    const endpoint = new TcpEndpoint(plan, systemClock);
    const live = endpoint.open();
    endpoint.publish(live);
    const clients = [1, 2, 3, 4].map(() => shop.client({ host: '127.0.0.1', port }));
    await eventually('clients wait', () => live.queued() === clients.length);
    socket.close();
    socket = endpoint.open();
    await expectAllProven([1, 2, 3].map(() => shop.worker(socket.fd, perlFcgi)));
    expect(live.queued()).toBe(clients.length);
    live.close();
  });
});

function withChildren(pid: number): readonly number[] {
  const children = childrenOf(pid);
  return [pid, ...children];
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
