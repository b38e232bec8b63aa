import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import type { ProofPlan, RequestProofPlan } from '../../../src/plan/proof.ts';
import { proveAccept } from '../../../src/probes/accept-proof.ts';
import type { ProofFailure } from '../../../src/probes/proof-answer.ts';
import { exchangeOf } from '../../../src/probes/proof-exchange.ts';
import type { ListenSocket } from '../../../src/sockets/endpoint.ts';
import { TcpEndpoint } from '../../../src/sockets/tcp-endpoint.ts';
import { UnixEndpoint } from '../../../src/sockets/unix-endpoint.ts';
import { freePort } from '../../helpers/free-port.ts';
import {
  eventually,
  perlFcgi,
  phpCgi,
  phpEnvironment,
  requireRoot,
  type Worker,
  Workshop,
} from '../sockets/support.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');

const noting = [join(fixtures, 'answers-as-told')];

/** Children of our own engine on fd 0; without a supervisor it keeps them itself. */
const engine = (method: string): readonly string[] => [
  'python3',
  '-m',
  'runfcgi',
  'application=speaks_of_requests:application',
  `directory=${fixtures}`,
  `method=${method}`,
  'daemonize=false',
  'minspare=1',
  'maxspare=1',
  'maxchildren=1',
];
const engineEnvironment = {
  PYTHONPATH: join(import.meta.dirname, '../../../python'),
  PYTHONDONTWRITEBYTECODE: '1',
};
const phpPage = { SCRIPT_FILENAME: join(fixtures, 'speaks-of-requests.php') };

const request: RequestProofPlan = {
  level: 'request',
  timeoutMs: 60_000,
  path: '/missing?a=b',
  host: 'example.com',
  headers: { 'X-Forwarded-Proto': 'https' },
  params: {},
  statuses: [{ from: 200, to: 499 }],
};
const values: ProofPlan = { level: 'values', timeoutMs: 60_000 };

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

async function prove(workers: readonly Worker[], proof: ProofPlan) {
  const refused = new Map<number, ProofFailure>();
  const proven: number[] = [];
  const numberOf = (id: string): number => workers.findIndex(({ pid }) => String(pid) === id);
  await proveAccept({
    sockets: [
      {
        socket,
        workers: workers.map(({ pid }) => ({
          id: String(pid),
          pid: () => pid,
          pids: () => withChildren(pid),
        })),
      },
    ],
    timeoutMs: 80_000,
    clock: systemClock,
    exchange: exchangeOf(proof),
    onProven: (id) => proven.push(numberOf(id)),
    onRefused: (id, failure) => refused.set(numberOf(id), failure),
  });
  return { proven: proven.sort(), refused };
}

function start(count: number, argv: readonly string[], environment: Record<string, string> = {}): Worker[] {
  return Array.from({ length: count }, () => shop.worker(socket.fd, argv, environment));
}

describe('the level "values"', () => {
  it.each([
    ['php-cgi', phpCgi, phpEnvironment],
    ['the engine with processes', engine('prefork'), engineEnvironment],
    ['the engine with threads', engine('threaded'), engineEnvironment],
  ])('proves three workers of %s', async (_, argv, environment) => {
    const { proven, refused } = await prove(start(3, argv, environment), values);
    expect([proven, [...refused]]).toEqual([[0, 1, 2], []]);
  });

  it('refuses libfcgi, which never answers, and says so', async () => {
    const { proven, refused } = await prove(start(2, perlFcgi), { level: 'values', timeoutMs: 300 });
    expect(proven).toEqual([]);
    expect([...refused.keys()].sort()).toEqual([0, 1]);
    expect(refused.get(0)?.reason).toBe(
      'did not answer FCGI_GET_VALUES within 300ms, as the proof level "values" wants; programs on libfcgi, such as Perl\'s, never do',
    );
  });
});

describe('the level "request"', () => {
  it.each([
    ['php-cgi', phpCgi, phpEnvironment, phpPage],
    ['the engine with processes', engine('prefork'), engineEnvironment, {}],
    ['the engine with threads', engine('threaded'), engineEnvironment, {}],
    ['Perl FCGI', perlFcgi, {}, {}],
  ])('proves three workers of %s', async (_, argv, environment, params) => {
    const workers = start(3, argv, environment);
    const { proven, refused } = await prove(workers, { ...request, params });
    expect([proven, [...refused]]).toEqual([[0, 1, 2], []]);
    expect(workers.filter(({ hasExited }) => hasExited)).toEqual([]);
    await eventually('no probe is left in the queue', () => !socket.hasQueued());
  });

  it('asks every worker once, although some start later than others', async () => {
    const early = start(2, noting);
    for (const worker of early) await worker.says('up');
    const late = shop.worker(socket.fd, ['/bin/sh', '-c', 'sleep 0.5; exec "$0" "$@"', ...noting]);
    const { proven } = await prove([...early, late], request);
    expect(proven).toEqual([0, 1, 2]);
    for (const worker of [...early, late]) {
      await worker.says('https\n');
      expect(worker.output).toBe('up\nasked GET /missing?a=b example.com https\n');
    }
  });

  it('refuses the one of three that answers 500, with its words, and no other', async () => {
    const workers = [...start(1, noting), ...start(1, noting, { ANSWER: '500 Oops' }), ...start(1, noting)];
    const { proven, refused } = await prove(workers, request);
    expect(proven).toEqual([0, 2]);
    expect([...refused]).toEqual([
      [
        1,
        {
          reason: 'the proof request /missing?a=b was answered 500, expected 200 to 499',
          output: ['odd', 'the first line', 'the second line'],
          isCut: false,
        },
      ],
    ]);
  });

  it('tells them apart on TCP too', async () => {
    const port = await freePort('127.0.0.1');
    const address = { kind: 'tcp', host: '127.0.0.1', port, family: 4 } as const;
    socket.close();
    socket = new TcpEndpoint({ ...shop.unixPlan('x'), address }, systemClock).open();
    const workers = [...start(2, noting), ...start(1, noting, { ANSWER: '503 Not Yet' })];
    const { proven, refused } = await prove(workers, request);
    expect([proven, [...refused.keys()]]).toEqual([[0, 1], [2]]);
  });

  it('wants the status that it was told', async () => {
    const workers = start(1, noting, { ANSWER: '400 Bad Request' });
    const { refused } = await prove(workers, { ...request, statuses: [{ from: 200, to: 200 }] });
    expect(refused.get(0)?.reason).toBe(
      'the proof request /missing?a=b was answered 400, expected 200; Django\'s ALLOWED_HOSTS may lack the proof\'s host "example.com"',
    );
  });

  it('does not wait longer than its timeout for an answer', async () => {
    const { refused } = await prove(start(1, noting, { HANGS: '1' }), { ...request, timeoutMs: 300 });
    expect(refused.get(0)?.reason).toBe('the proof request /missing?a=b was not answered within 300ms');
  });

  it('says when a worker breaks off, whose own end is the better reason', async () => {
    const { refused } = await prove(start(1, noting, { DIES: '1' }), request);
    expect(refused.get(0)).toMatchObject({ isCut: true });
    expect(refused.get(0)?.reason).toContain('the worker closed the connection');
  });

  it('asks on every connection where nobody tells who holds which', async () => {
    requireRoot();
    const path = socket.boundTo.kind === 'unix' ? socket.boundTo.path : '';
    const good = start(2, noting);
    for (const worker of good) await worker.says('up');
    chownSync(shop.directory, 65534, -1);
    chownSync(shop.path('private'), 65534, -1);
    chmodSync(path, 0o666);
    process.seteuid?.(65534);
    try {
      expect((await prove(good, request)).proven).toEqual([0, 1]);
    } finally {
      process.seteuid?.(0);
    }
    for (const worker of good) await worker.says('asked');
    const bad = start(1, noting, { ANSWER: '500 Oops' });
    await bad[0]?.says('up');
    process.seteuid?.(65534);
    try {
      const { proven, refused } = await prove([...good, ...bad], request);
      expect([proven, [...refused.keys()].sort()]).toEqual([[], [0, 1, 2]]);
    } finally {
      process.seteuid?.(0);
    }
  });
});

function withChildren(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return [pid, ...children.map(Number)];
  } catch {
    return [pid];
  }
}
