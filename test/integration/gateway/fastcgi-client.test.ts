import { createHash } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { readCgiHead } from '../../../src/probes/cgi-response.ts';
import { openRequest } from '../../../src/probes/fastcgi-request.ts';
import { getValues } from '../../../src/probes/get-values.ts';
import { requestOnce } from '../../../src/probes/request-once.ts';
import { phpParams, startFake, startPerl, startPhp } from '../../helpers/fastcgi-program.ts';
import { endRequest, record } from '../../helpers/fastcgi-records.ts';
import { standstill } from '../../helpers/standstill.ts';
import { until } from '../../helpers/until.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function running<Thing extends { stop(): Promise<void> }>(starting: Promise<Thing>): Promise<Thing> {
  const thing = await starting;
  cleanups.push(() => thing.stop());
  return thing;
}

/** For what hangs alone, unless told otherwise. */
function soon(durationMs = 60_000): number {
  return systemClock.now() + durationMs;
}

function requestTo(path: string, extra: Record<string, string> = {}): [string, string][] {
  return Object.entries({
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: 'GET',
    REQUEST_URI: path,
    SCRIPT_NAME: '',
    PATH_INFO: path,
    QUERY_STRING: '',
    REDIRECT_STATUS: '200',
    ...extra,
  });
}

describe('a request to a Perl worker', () => {
  it('is answered with header, body and the end of the request', async () => {
    const { address, pid } = await running(startPerl());
    const answer = await requestOnce(address, requestTo('/hello'), { deadlineMs: soon() });
    expect(answer.head?.status).toBe(200);
    expect(answer.head?.headers).toContainEqual(['X-Worker', String(pid)]);
    expect(answer.body.toString()).toBe('GET /hello');
    expect(answer.end).toEqual({ appStatus: 0, protocolStatus: 'complete' });
  });

  it('carries more parameters than one record holds', async () => {
    const { address } = await running(startPerl());
    const long = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`X_${index}`, 'v'.repeat(997)]),
    );
    const answer = await requestOnce(address, requestTo('/variables', long), { deadlineMs: soon() });
    const lines = answer.body.toString().split('\n');
    for (const name of Object.keys(long)) expect(lines).toContain(`${name}=${'v'.repeat(997)}`);
  });

  it.each([0, 1, 7, 8, 65_527, 65_528, 65_529, 65_535, 65_536, 131_071, 3_000_001])(
    'carries a body of %i bytes whole',
    async (length) => {
      const { address } = await running(startPerl());
      const body = Buffer.alloc(length, 'abcdefghijklmnopqrstuvw');
      const params = requestTo('/upload', { REQUEST_METHOD: 'POST', CONTENT_LENGTH: String(length) });
      const answer = await requestOnce(address, params, { body, deadlineMs: soon() });
      expect(answer.body.toString()).toBe(`${length} ${createHash('md5').update(body).digest('hex')}`);
    },
  );

  it('gets its answer although the worker never read the body', async () => {
    const { address } = await running(startPerl());
    const body = Buffer.alloc(20_000_000, 'x');
    const params = requestTo('/ignores-body', {
      REQUEST_METHOD: 'POST',
      CONTENT_LENGTH: String(body.length),
    });
    for (let round = 0; round < 20; round += 1) {
      const answer = await requestOnce(address, params, { body, deadlineMs: soon() });
      expect(answer.body.toString()).toBe('never read it');
    }
  });

  it('keeps error output apart', async () => {
    const { address } = await running(startPerl());
    const answer = await requestOnce(address, requestTo('/complains'), { deadlineMs: soon() });
    expect(answer.body.toString()).toBe('done');
    expect(answer.stderr).toBe('something is odd');
  });

  it('collects no more than it was told, and sets the worker free', async () => {
    const { address } = await running(startPerl());
    const params = requestTo('/endless');
    const answer = await requestOnce(address, params, { deadlineMs: soon(), maxBodyBytes: 100_000 });
    expect(answer.body).toHaveLength(100_000);
    expect(answer).toMatchObject({ isBodyCut: true, end: undefined });
    const next = await requestOnce(address, requestTo('/next'), { deadlineMs: soon() });
    expect(next.body.toString()).toBe('GET /next');
  });

  it('holds the worker back while nobody reads', async () => {
    const { address } = await running(startPerl());
    const request = await openRequest(address, requestTo('/endless'), { deadlineMs: soon() });
    await readCgiHead(request.stdout, address);
    await until(() => request.stdout.readableLength >= request.stdout.readableHighWaterMark);
    await standstill(() => request.stdout.readableLength);
    expect(request.stdout.readableLength).toBeLessThan(300_000);
    request.close();
    expect(await request.ended).toBeUndefined();
  });
});

describe('a request to php-cgi', () => {
  it('is answered, upload and status included', async () => {
    const { address } = await running(startPhp());
    const missing = await requestOnce(address, requestTo('/missing', phpParams), { deadlineMs: soon() });
    expect(missing.head?.status).toBe(404);
    expect(missing.body.toString()).toBe('not here');
    const body = Buffer.alloc(1_000_003, 'php');
    const params = requestTo('/upload', {
      ...phpParams,
      REQUEST_METHOD: 'POST',
      CONTENT_TYPE: 'application/octet-stream',
      CONTENT_LENGTH: String(body.length),
    });
    const answer = await requestOnce(address, params, { body, deadlineMs: soon() });
    expect(answer.body.toString()).toBe(`${body.length} ${createHash('md5').update(body).digest('hex')}`);
  });

  it('learns its values', async () => {
    const { address } = await running(startPhp());
    const values = await getValues(address, { deadlineMs: soon() });
    expect(Object.fromEntries(values)).toMatchObject({ FCGI_MPXS_CONNS: '0' });
    expect(values.get('FCGI_MAX_CONNS')).toMatch(/^\d+$/);
  });
});

describe('a request that gets no proper answer', () => {
  const cases: [string, Buffer[], string, string][] = [
    ['closes at once', [], 'FASTCGI_PROTOCOL', 'closed the connection before its answer was complete'],
    ['closes within a record', [Buffer.from([1, 6, 0, 1])], 'FASTCGI_PROTOCOL', 'in the middle of a record'],
    [
      'speaks HTTP',
      [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
      'FASTCGI_PROTOCOL',
      'begins "HTTP/1.1 400',
    ],
    ['leaves out the header', [endRequest()], 'FASTCGI_PROTOCOL', 'ended the request without an answer'],
    [
      'ends within the header',
      [record({ type: 6, content: 'Content-Type: text/html\n' }), endRequest()],
      'FASTCGI_PROTOCOL',
      'ended its answer within the header',
    ],
    [
      'sends HTML without a header',
      [record({ type: 6, content: '<html>\n\n' }), endRequest()],
      'FASTCGI_PROTOCOL',
      'sent a line that is no header before its empty line: "<html>"',
    ],
    [
      'closes within the body',
      [record({ type: 6, content: 'Status: 200\n\nhalf' })],
      'FASTCGI_PROTOCOL',
      'closed the connection before its answer was complete',
    ],
    [
      'talks after its end',
      [
        record({ type: 6, content: 'Status: 200\n\n' }),
        record({ type: 6 }),
        record({ type: 6, content: 'more' }),
      ],
      'FASTCGI_PROTOCOL',
      'sent output after the end of its output',
    ],
    [
      'ends with a status of its own invention',
      [record({ type: 6, content: 'Status: 200\n\n' }), endRequest(0, 9)],
      'FASTCGI_PROTOCOL',
      'protocol status 9',
    ],
  ];
  it.each(cases)('says so when the application %s', async (_what, answer, code, words) => {
    const fake = await running(
      startFake((socket) => {
        for (const bytes of answer) socket.write(bytes);
        socket.end();
      }),
    );
    const failure = requestOnce(fake.address, requestTo('/'), { deadlineMs: soon() });
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    await expect(failure).rejects.toThrow(fake.address.path);
  });

  it('tells a refusal apart', async () => {
    const fake = await running(startFake((socket) => socket.write(endRequest(0, 2))));
    const answer = await requestOnce(fake.address, requestTo('/'), { deadlineMs: soon() });
    expect(answer).toMatchObject({ head: undefined, end: { protocolStatus: 'overloaded' } });
  });

  it('names the address and the reason when nobody is there', async () => {
    const fake = await startFake(() => {});
    await fake.stop();
    await expect(requestOnce(fake.address, [], { deadlineMs: soon() })).rejects.toMatchObject({
      code: 'FASTCGI_UNREACHABLE',
      message: `cannot connect to unix:${fake.address.path}: there is no such socket (ENOENT)`,
    });
    const tcp = { kind: 'tcp', host: '127.0.0.1', port: 1, family: 4 } as const;
    await expect(requestOnce(tcp, [], { deadlineMs: soon() })).rejects.toMatchObject({
      code: 'FASTCGI_UNREACHABLE',
      message: 'cannot connect to 127.0.0.1:1: nobody listens there (ECONNREFUSED)',
    });
    const long = { kind: 'unix', path: `/tmp/${'x'.repeat(103)}` } as const;
    await expect(requestOnce(long, [], { deadlineMs: soon() })).rejects.toThrow('too long for a socket');
  });

  it('ends at the deadline, and after a silence, and closes its connection', async () => {
    const fake = await running(startFake((socket) => socket.resume()));
    const late = requestOnce(fake.address, requestTo('/'), { deadlineMs: soon(100) });
    await expect(late).rejects.toMatchObject({ code: 'FASTCGI_TIMEOUT', exitCode: 75 });
    const silent = requestOnce(fake.address, requestTo('/'), { idleTimeoutMs: 100 });
    await expect(silent).rejects.toThrow('was silent for 0.1 s');
    const values = getValues(fake.address, { deadlineMs: soon(100) });
    await expect(values).rejects.toMatchObject({ code: 'FASTCGI_TIMEOUT' });
    await until(
      () => fake.connections.length === 3 && fake.connections.every((socket) => socket.readableEnded),
    );
  });

  it('can be aborted before and after it is connected', async () => {
    const fake = await running(startFake((socket) => socket.resume()));
    await expect(openRequest(fake.address, [], { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    const controller = new AbortController();
    const request = await openRequest(fake.address, [], { signal: controller.signal });
    controller.abort();
    expect(await request.ended).toBeUndefined();
    await until(() => fake.connections.every((socket) => socket.readableEnded));
  });

  it('does not pass a broken body off as a whole one', async () => {
    const received: Buffer[] = [];
    const fake = await running(startFake((socket) => socket.on('data', (data) => received.push(data))));
    const body = new PassThrough();
    const request = await openRequest(fake.address, requestTo('/'), { body });
    body.write('half');
    await until(() => Buffer.concat(received).includes('half'));
    body.destroy(new Error('the client left'));
    await expect(request.ended).rejects.toThrow('the client left');
    await until(() => fake.connections.every((socket) => socket.readableEnded));
    expect(Buffer.concat(received).includes(record({ type: 5 }))).toBe(false);
  });
});

describe('a request to an application that does not read', () => {
  it('takes no more of the body than fits into the sockets', async () => {
    const fake = await running(startFake(() => {}));
    let produced = 0;
    const body = Readable.from(
      (function* () {
        for (; produced < 100_000_000; produced += 65_536) yield Buffer.alloc(65_536);
      })(),
    );
    const request = await openRequest(fake.address, requestTo('/'), { body, deadlineMs: soon() });
    await standstill(() => produced);
    expect(produced).toBeLessThan(3_000_000);
    request.close();
  });
});

it('reads the answer of an application that closed while the body was still being sent', async () => {
  const body = new PassThrough();
  const answer = Buffer.concat([record({ type: 6, content: 'Status: 413\n\ntoo much' }), endRequest()]);
  const fake = await running(
    startFake((socket) => {
      socket.once('data', () => {
        // All before the client can read: its next write fails, and the answer is already there.
        socket.write(answer);
        socket.destroy();
        body.write(Buffer.alloc(65_536));
        body.write(Buffer.alloc(65_536));
      });
    }),
  );
  const request = await openRequest(fake.address, requestTo('/'), { body, deadlineMs: soon() });
  expect((await readCgiHead(request.stdout, fake.address)).status).toBe(413);
  expect(await text(request.stdout)).toBe('too much');
});

it('reads what is left in the stream after the header', async () => {
  const fake = await running(
    startFake((socket) => {
      socket.write(record({ type: 6, content: 'Status: 200\n\none ' }));
      socket.write(Buffer.concat([record({ type: 6, content: 'two' }), record({ type: 6 }), endRequest(7)]));
    }),
  );
  const request = await openRequest(fake.address, requestTo('/'), { deadlineMs: soon() });
  await readCgiHead(request.stdout, fake.address);
  expect(await text(request.stdout)).toBe('one two');
  expect(await request.ended).toEqual({ appStatus: 7, protocolStatus: 'complete' });
});
