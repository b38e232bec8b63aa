import { mkdirSync, readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseListenAddress } from '../../../src/config/address.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { isBlocking } from '../../../src/host/kernel/sockets.ts';
import { readTables } from '../../../src/host/socket-tables.ts';
import type { ListenPlan } from '../../../src/plan/plan.ts';
import { ConnectionReader } from '../../../src/sockets/connection-reader.ts';
import { createEndpoint } from '../../../src/sockets/create-endpoint.ts';
import type { Endpoint, ListenSocket } from '../../../src/sockets/endpoint.ts';
import { InheritedSockets } from '../../../src/sockets/inherited.ts';
import { readOccupancy } from '../../../src/sockets/occupancy.ts';
import { connectUnixProbe } from '../../../src/sockets/unix-probe.ts';
import { type BundledScript, bundleScript } from '../../helpers/bundle-script.ts';
import { freePort } from '../../helpers/free-port.ts';
import { finish } from '../../helpers/program.ts';
import { eventually, greeter, holder, readAll, refusal, requireRoot, Workshop } from './support.ts';

const noneInherited = InheritedSockets.take({});

let shop: Workshop;
let sockets: ListenSocket[];
beforeEach(() => {
  shop = new Workshop();
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.close();
  await shop.tearDown();
});

function endpointAt(text: string, changes: Partial<ListenPlan> = {}): Endpoint {
  const plan = { ...shop.unixPlan('unused'), address: parseListenAddress(text, '/'), ...changes };
  return createEndpoint(plan, { inherited: noneInherited, clock: systemClock, predecessors: [] });
}

function openShared(endpoint: Endpoint): ListenSocket {
  const socket = endpoint.openShared?.();
  if (socket === undefined) throw new Error('no shared socket');
  sockets.push(socket);
  return socket;
}

describe('an abstract name', () => {
  const name = `@runfcgid-test-${process.pid}`;
  // Node itself would fill the name up with NULs, which makes it another one.
  const connect = (): number => connectUnixProbe({ kind: 'unix', path: name }).release();

  it('leads to the one socket for as long as anybody holds it', async () => {
    const endpoint = endpointAt(`unix:${name}`);
    const first = openShared(endpoint);
    const second = openShared(endpoint);
    expect([first.fd === second.fd, first.boundTo]).toEqual([true, { kind: 'unix', path: name }]);
    const worker = shop.worker(first.fd, greeter('one'));
    await worker.says('up');
    first.close();
    endpoint.withdraw();
    expect([endpoint.isPublished(first), endpoint.isPublished(second)]).toEqual([false, true]);
    expect(await readAll(shop.clientOf(connect()))).toBe('one');
    second.close();
    expect(connect).toThrow('ECONNREFUSED');
  });

  it('that somebody else has is refused with who that is', () => {
    openShared(endpointAt(`unix:${name}`));
    const error = refusal(() => openShared(endpointAt(`unix:${name}`)));
    expect([error.code, error.message]).toEqual([
      'LISTEN_IN_USE',
      expect.stringContaining(`this daemon itself (pid ${process.pid})`),
    ]);
  });

  it('has private sockets for candidates, which are gone afterwards', async () => {
    const endpoint = endpointAt(`unix:${name}`, { isBlocking: false });
    const one = openShared(endpoint);
    const candidate = endpoint.open();
    sockets.push(candidate);
    expect([isBlocking(candidate.fd), endpoint.isPublished(candidate)]).toEqual([false, false]);
    expect(() => endpoint.publish(candidate)).toThrow(TypeError);
    const worker = shop.worker(candidate.fd, greeter('new'));
    await worker.says('up');
    const connection = await candidate.connectPrivately();
    expect([one.hasQueued(), one.queued()]).toEqual([false, 0]);
    connection.close();
    candidate.close();
    expect(readdirSync(shop.path('private'))).toEqual([]);
  });

  it('shows who accepted there', async () => {
    const socket = openShared(endpointAt(`unix:${name}`));
    const worker = shop.worker(socket.fd, holder);
    await worker.says('up');
    shop.clientOf(connect());
    const watched = [{ socket, pids: () => [worker.pid] }];
    await eventually('accepted', () => {
      const [occupancy] = readOccupancy(watched, new ConnectionReader(), readTables());
      return occupancy?.accepted.get(worker.pid) === 1;
    });
  });
});

/**
 * Makes the sockets of `setup` (Python, a list `passed`, and `stdin` if it likes), and starts the fixture with them
 * as systemd does, under the names given.
 */
const launcher = `
import os, socket, sys
setup, names, *command = sys.argv[1:]
passed, stdin = [], None
def listening(family, name):
    one = socket.socket(family)
    one.bind(name); one.listen(8); one.setblocking(False)
    return one
exec(setup)
high = [os.dup2(one.fileno(), 100 + index) for index, one in enumerate(passed)]
for index, fd in enumerate(high): os.dup2(fd, 3 + index)
if stdin is not None: os.dup2(stdin.fileno(), 0)
os.closerange(3 + len(high), 200)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)))
if names != '-': os.environ['LISTEN_FDNAMES'] = names
os.execvp(command[0], command)
`;

describe('sockets that the daemon is started with', () => {
  let script: BundledScript;
  beforeAll(async () => {
    script = await bundleScript('test/fixtures/inherits-sockets.ts');
  });
  afterAll(() => script.remove());

  async function inherit(
    setup: string,
    names: string,
    addresses: readonly string[],
    before: readonly string[] = [],
  ) {
    const start = [
      ...before,
      '/usr/bin/python3',
      '-c',
      launcher,
      setup,
      names,
      process.execPath,
      script.path,
    ];
    const [program = '', ...args] = [...start, ...addresses];
    const { stdout, stderr, status } = await finish([program, ...args], { cwd: shop.directory });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  }

  const unix = (path: string): string =>
    `passed.append(listening(socket.AF_UNIX, ${JSON.stringify(path)}))\n`;
  const good = { isReachable: true, isBlocking: true, isKept: true, isStillOpen: true };

  it('are found by name, made blocking, kept from other programs, and nobody else is told', async () => {
    const path = shop.path('web.sock');
    const port = await freePort('127.0.0.1');
    const setup = `${unix(path)}${unix(`\0abstract-web-${process.pid}`)}passed.append(listening(socket.AF_INET, ("127.0.0.1", ${port})))`;
    const addresses = ['systemd:web', 'systemd:web:1', 'systemd:tcp', 'systemd:web:2', 'systemd:none'];
    expect(await inherit(setup, 'web:web:tcp', addresses)).toEqual({
      names: ['web', 'web', 'tcp'],
      told: [],
      standardInput: '/dev/null',
      found: [
        { boundTo: { kind: 'unix', path }, ...good },
        { boundTo: { kind: 'unix', path: `@abstract-web-${process.pid}` }, ...good },
        { boundTo: { kind: 'tcp', host: '127.0.0.1', port, family: 4 }, ...good },
        'cannot listen on systemd:web:2: systemd passed 2 of that name, counted from 0',
        'cannot listen on systemd:none: systemd passed no socket of that name, but web, web, tcp',
      ],
    });
  });

  it('are called "unknown" without names', async () => {
    const { names, found } = await inherit(unix(shop.path('a')), '-', ['systemd:unknown']);
    expect([names, found]).toEqual([['unknown'], [expect.objectContaining(good)]]);
  });

  it('of both families are reached under one address', async () => {
    const port = await freePort('::1');
    const { found } = await inherit(`passed.append(listening(socket.AF_INET6, ("::", ${port})))`, 'both', [
      'systemd:both',
    ]);
    expect(found).toEqual([{ boundTo: { kind: 'tcp', host: '::', port, family: 6 }, ...good }]);
  });

  it('may be the standard input, which nobody reads from afterwards', async () => {
    const path = shop.path('zero.sock');
    const setup = `stdin = listening(socket.AF_UNIX, ${JSON.stringify(path)})`;
    expect(await inherit(setup, '-', ['fd:0'])).toEqual({
      names: [],
      told: [],
      standardInput: '/dev/null',
      found: [{ boundTo: { kind: 'unix', path }, ...good }],
    });
  });

  it.each([
    ['a file', 'stdin = open("/dev/null")', 'file descriptor 0 is not a socket'],
    ['a connection', 'stdin, other = socket.socketpair()', 'it is a connection, or does not listen'],
    [
      'a socket of datagrams',
      'stdin = socket.socket(type=socket.SOCK_DGRAM)',
      'it is a socket that keeps no stream',
    ],
    ['a socket that does not listen', 'stdin = socket.socket()', 'it is a connection, or does not listen'],
  ])('are refused as standard input if that is %s', async (_, setup, why) => {
    const { found } = await inherit(setup, '-', ['fd:0']);
    expect(found).toEqual([expect.stringContaining(`cannot listen on fd:0: ${why}`)]);
  });

  it('are not for this process if they are for another', async () => {
    const setup = `${unix(shop.path('a'))}os.getpid = lambda: 1`;
    expect(await inherit(setup, 'web', ['systemd:web'])).toMatchObject({
      names: [],
      told: [],
      found: ['cannot listen on systemd:web: systemd passed no socket of that name'],
    });
  });

  it('are told from others of the same name that our mounts lead to', async () => {
    requireRoot();
    const path = shop.path('hidden/web.sock');
    mkdirSync(shop.path('hidden'));
    // Bound in one file system; then another is mounted over it, with a stranger at the same path.
    const setup = `${unix(path)}import subprocess
subprocess.check_call(["mount", "-t", "tmpfs", "none", ${JSON.stringify(shop.path('hidden'))}])
stranger = listening(socket.AF_UNIX, ${JSON.stringify(path)})
os.set_inheritable(stranger.fileno(), True)
os.dup2(stranger.fileno(), 250)`;
    const { found } = await inherit(setup, 'web', ['systemd:web'], ['unshare', '--mount']);
    expect(found).toEqual([{ boundTo: { kind: 'unix', path }, ...good, isReachable: false }]);
  });
});
