import { fstatSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { socketDescriptors } from '../../../src/host/procfs.ts';
import { readTables } from '../../../src/host/socket-tables.ts';
import { ConnectionReader } from '../../../src/sockets/connection-reader.ts';
import type { Endpoint, ListenSocket } from '../../../src/sockets/endpoint.ts';
import { countAccepted, type Occupancy, readOccupancy } from '../../../src/sockets/occupancy.ts';
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
} from './support.ts';

let shop: Workshop;
let reader: ConnectionReader;
let socket: ListenSocket;
beforeEach(() => {
  shop = new Workshop();
  reader = new ConnectionReader();
});
afterEach(async () => {
  socket.close();
  await shop.tearDown();
});

function openUnix(): Endpoint {
  const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
  socket = endpoint.open();
  endpoint.publish(socket);
  return endpoint;
}

function look(...workers: readonly Worker[]): Occupancy {
  const watched = [{ socket, pids: () => workers.map(({ pid }) => pid) }];
  const [occupancy] = readOccupancy(watched, reader, readTables());
  if (occupancy === undefined) throw new Error('no occupancy');
  return occupancy;
}

/** Connects from a network namespace of its own, and stays. */
async function foreignClient(): Promise<void> {
  requireRoot();
  const script = `import socket,time\ns=socket.socket(socket.AF_UNIX)\ns.connect("${shop.path('app.sock')}")\nprint("connected")\ntime.sleep(60)`;
  const client = shop.worker('ignore', ['unshare', '--net', '/usr/bin/python3', '-uc', script]);
  await client.says('connected');
}

/** The beginning of a FastCGI record: libfcgi and php-cgi close a connection that says nothing for some seconds. */
const version = Buffer.from([1]);

describe.each([
  ['a Python loop', holder, {}, undefined],
  ['Perl FCGI', perlFcgi, {}, version],
  ['php-cgi', phpCgi, phpEnvironment, version],
])('the occupancy of a Unix socket with %s', (_, argv, environment, beginning) => {
  it('counts who accepted and who waits, and is empty again when they have left', async () => {
    openUnix();
    const worker = shop.worker(socket.fd, argv, environment);
    expect(look(worker)).toEqual({
      hasQueued: false,
      queued: 0,
      accepted: new Map([[worker.pid, 0]]),
      unknown: [],
    });
    const clients = [1, 2, 3].map(() => shop.client(shop.path('app.sock')));
    for (const client of clients) if (beginning !== undefined) client.write(beginning);
    await eventually('one is accepted and two wait', () => {
      const { queued, accepted } = look(worker);
      return queued === 2 && accepted.get(worker.pid) === 1;
    });
    expect(look(worker).hasQueued).toBe(true);
    for (const client of clients) client.destroy();
    await eventually('nothing is left', () => {
      const occupancy = look(worker);
      return !occupancy.hasQueued && countAccepted(occupancy) === 0;
    });
  });
});

describe('the occupancy of a Unix socket', () => {
  it('counts every connection of a threaded worker', async () => {
    openUnix();
    const worker = shop.worker(socket.fd, threadedHolder);
    for (let count = 0; count < 5; count += 1) shop.client(shop.path('app.sock'));
    await eventually('five are accepted', () => look(worker).accepted.get(worker.pid) === 5);
  });

  it('tells generations apart that are published one after the other', async () => {
    const endpoint = openUnix();
    const old = shop.worker(socket.fd, holder);
    shop.client(shop.path('app.sock'));
    await eventually('accepted', () => countAccepted(look(old)) === 1);
    const next = endpoint.open();
    endpoint.publish(next);
    const worker = shop.worker(next.fd, holder);
    const watched = [
      { socket, pids: () => [old.pid] },
      { socket: next, pids: () => [worker.pid] },
    ];
    shop.client(shop.path('app.sock'));
    await eventually('each has its own', () => {
      const [one, two] = readOccupancy(watched, reader, readTables());
      return one?.accepted.get(old.pid) === 1 && two?.accepted.get(worker.pid) === 1;
    });
    next.close();
  });

  it('sees clients in other network namespaces, queued and accepted', async () => {
    openUnix();
    await foreignClient();
    expect(socket.hasQueued()).toBe(true);
    expect(socket.queued()).toBe(1);
    const worker = shop.worker(socket.fd, holder);
    await eventually('accepted', () => countAccepted(look(worker)) === 1);
    const row = readTables()
      .unix()
      .find(
        ({ path, state }) => socket.boundTo.kind === 'unix' && path === socket.boundTo.path && state === 3,
      );
    expect(row, 'the row is missing from our tables, as design says').toBeUndefined();
  });

  it('is not fooled by forged rows of the tables, neither into busy nor into idle', async () => {
    openUnix();
    if (socket.boundTo.kind !== 'unix') throw new Error('not a Unix socket');
    const idle = shop.worker(socket.fd, holder);
    const listenerInode = fstatSync(socket.fd).ino;
    const forge = (inode: number, path: string) =>
      `x\n0: 00000003 00000000 00000000 0001 03 ${inode} ${path}`;
    await shop.forgeRow(forge(listenerInode, socket.boundTo.path));
    await idle.says('up');
    const { path } = socket.boundTo;
    const listed = readTables().unix();
    expect(listed.filter((row) => row.inode === listenerInode && row.path === path)).toHaveLength(2);
    expect(countAccepted(look(idle))).toBe(0);

    await foreignClient();
    await eventually('accepted', () => countAccepted(look(idle)) === 1);
    const hidden = connectionInodes(idle.pid).filter((inode) => inode !== listenerInode);
    for (const inode of hidden) await shop.forgeRow(forge(inode, '/harmless'));
    expect(hidden.length).toBeGreaterThan(0);
    reader = new ConnectionReader();
    expect(countAccepted(look(idle))).toBe(1);
  });

  it('is unknown, never idle, for a process that we may not look into', async () => {
    requireRoot();
    openUnix();
    const worker = shop.worker(socket.fd, holder);
    await worker.says('up');
    process.seteuid?.(65534);
    try {
      expect(look(worker)).toEqual({
        hasQueued: false,
        queued: 0,
        accepted: new Map(),
        unknown: [worker.pid],
      });
    } finally {
      process.seteuid?.(0);
    }
  });

  it('takes a process that has ended for one without connections', async () => {
    openUnix();
    const worker = shop.worker(socket.fd, ['true']);
    await eventually('it has ended', () => worker.hasExited);
    expect(look(worker)).toEqual({
      hasQueued: false,
      queued: 0,
      accepted: new Map([[worker.pid, 0]]),
      unknown: [],
    });
  });

  it('leaves no copy of a connection open: the client sees its end when the worker closes', async () => {
    openUnix();
    const worker = shop.worker(socket.fd, threadedHolder);
    const client = shop.client(shop.path('app.sock'));
    await eventually('accepted', () => countAccepted(look(worker)) === 1);
    const ended = new Promise((resolve) => client.once('end', resolve));
    client.resume();
    worker.child.kill('SIGKILL');
    await ended;
  });
});

describe.each([4, 6] as const)('the occupancy of a TCP socket on IPv%i', (family) => {
  it.each(['one address', 'every address'])(
    'counts who accepted and who waits, listening on %s',
    async (kind) => {
      const loopback = family === 4 ? '127.0.0.1' : '::1';
      const every = family === 4 ? '0.0.0.0' : '::';
      const port = await freePort(loopback);
      const host = kind === 'one address' ? loopback : every;
      const plan = shop.unixPlan('unused');
      const endpoint = new TcpEndpoint(
        { ...plan, address: { kind: 'tcp', host, port, family } },
        systemClock,
      );
      socket = endpoint.open();
      endpoint.publish(socket);
      const worker = shop.worker(socket.fd, holder);
      const other = shop.worker(socket.fd, ['sleep', '60']);
      const clients = [1, 2, 3].map(() => shop.client({ host: loopback, port }));
      await eventually('one is accepted and two wait', () => {
        const { queued, accepted } = look(worker, other);
        return queued === 2 && accepted.get(worker.pid) === 1 && accepted.get(other.pid) === 0;
      });
      for (const client of clients) client.destroy();
      await eventually('nothing is left', () => {
        const occupancy = look(worker, other);
        return !occupancy.hasQueued && countAccepted(occupancy) === 0;
      });
    },
  );
});

function connectionInodes(pid: number): readonly number[] {
  const sockets = socketDescriptors(pid);
  return typeof sockets === 'string' ? [] : [...sockets.keys()];
}
