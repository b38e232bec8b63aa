import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, type GatewayOptions, startGateway } from '../../../src/gateway/gateway.ts';
import type { RequestRecord } from '../../../src/gateway/request-record.ts';
import {
  phpParams,
  startFake,
  startPerl,
  startPhp,
  startPython,
  type UnixAddress,
} from '../../helpers/fastcgi-program.ts';
import { endRequest, record } from '../../helpers/fastcgi-records.ts';
import { ask, askRaw } from '../../helpers/http-client.ts';
import { standstill } from '../../helpers/standstill.ts';
import { until } from '../../helpers/until.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function running<Thing extends { stop(): Promise<void> }>(starting: Promise<Thing>): Promise<Thing> {
  const thing = await starting;
  cleanups.push(() => thing.stop());
  return thing;
}

interface Front {
  readonly gateway: Gateway;
  readonly records: RequestRecord[];
  readonly stderr: string[];
  at(path: string): string;
}

async function front(address: UnixAddress, options: Partial<GatewayOptions> = {}): Promise<Front> {
  const records: RequestRecord[] = [];
  const stderr: string[] = [];
  const gateway = await startGateway({
    listen: { host: '127.0.0.1', port: 0 },
    target: () => address,
    onRequest: (one) => records.push(one),
    onStderr: (text) => stderr.push(text),
    ...options,
  });
  cleanups.push(() => gateway.close());
  return { gateway, records, stderr, at: (path) => new URL(path, gateway.url).href };
}

/** An application that sends these bytes to every connection, whatever it is asked. */
async function answering(...answer: Buffer[]): Promise<UnixAddress> {
  const fake = await running(
    startFake((socket) => {
      socket.once('data', () => {
        for (const bytes of answer) socket.write(bytes);
        socket.end();
      });
    }),
  );
  return fake.address;
}

function stdout(content: string): Buffer {
  return record({ type: 6, content });
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

describe('the gateway before a Perl worker', () => {
  it('passes a request and its answer, and tells about it', async () => {
    const { address, pid } = await running(startPerl());
    const { at, records } = await front(address);
    const answer = await ask(at('/some%20where?a=b'));
    expect(answer).toMatchObject({ status: 200, headers: { 'x-worker': String(pid) } });
    expect(answer.body.toString()).toBe('GET /some where');
    await until(() => records.length === 1);
    expect(records[0]).toMatchObject({ method: 'GET', uri: '/some%20where?a=b', status: 200, bodyBytes: 15 });
    expect(records[0]?.problem).toBeUndefined();
  });

  it('sends the variables of CGI', async () => {
    const { address } = await running(startPerl());
    const { at, gateway } = await front(address);
    const answer = await ask(at('/variables?x=1'), { headers: { 'X-Thing': 'a', Proxy: 'evil', a_b: 'c' } });
    const lines = answer.body.toString().split('\n');
    expect(lines).toContain('QUERY_STRING=x=1');
    expect(lines).toContain('REMOTE_ADDR=127.0.0.1');
    expect(lines).toContain(`SERVER_PORT=${gateway.port}`);
    expect(lines).toContain('SCRIPT_NAME=');
    expect(lines).toContain('HTTP_X_THING=a');
    expect(lines.filter((line) => /PROXY|A_B|^HTTPS/.test(line))).toEqual([]);
  });

  it('carries a 10 MB upload, with a length and in chunks, in memory and in a file', async () => {
    const { address } = await running(startPerl());
    const { at } = await front(address);
    for (const length of [1000, 10_000_000]) {
      const body = Buffer.alloc(length, 'upload');
      const withLength = await ask(
        at('/upload'),
        { method: 'POST', headers: { 'Content-Length': length } },
        body,
      );
      expect(withLength.body.toString()).toBe(`${length} ${md5(body)}`);
      const chunks = Readable.from([body.subarray(0, 500), body.subarray(500)]);
      const inChunks = await ask(at('/upload'), { method: 'POST' }, chunks);
      expect(inChunks.body.toString()).toBe(`${length} ${md5(body)}`);
    }
  });

  it('refuses a body in chunks beyond its limit', async () => {
    const { address } = await running(startPerl());
    const { at } = await front(address, { maxSpooledBytes: 5000 });
    const body = Readable.from([Buffer.alloc(4000), Buffer.alloc(4000)]);
    const answer = await ask(at('/upload'), { method: 'POST' }, body);
    expect(answer.status).toBe(413);
  });

  it('carries a 100 MB download in little memory', async () => {
    const { address } = await running(startPerl());
    const { at, records } = await front(address);
    const before = process.memoryUsage().rss;
    let peak = 0;
    let length = 0;
    const incoming = await start(at('/download?100'));
    for await (const chunk of incoming) {
      length += chunk.length;
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    expect(length).toBe(100 * 1024 * 1024);
    expect(peak - before).toBeLessThan(60_000_000);
    await until(() => records.length === 1);
    expect(records[0]?.bodyBytes).toBe(length);
  });

  it('holds the worker back when the client is slow, and lets it go when the client leaves', async () => {
    const { address } = await running(startPerl());
    const { at, records } = await front(address);
    const incoming = await start(at('/endless'));
    incoming.pause();
    const before = process.memoryUsage().rss;
    await standstill(() => incoming.socket.bytesRead);
    expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
    expect(records).toHaveLength(0);
    incoming.destroy();
    await until(() => records.length === 1);
    expect(records[0]).toMatchObject({ status: 200, problem: 'the client left' });
    // The only worker is free again.
    expect((await ask(at('/next'))).body.toString()).toBe('GET /next');
  });

  it('gives the answer although the body was never read, and serves the next request', async () => {
    const { address } = await running(startPerl());
    const { at } = await front(address);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = Buffer.alloc(10_000_000);
    for (let round = 0; round < 5; round += 1) {
      const answer = await ask(at('/ignores-body'), { method: 'POST', agent }, body);
      expect(answer.body.toString()).toBe('never read it');
    }
    agent.destroy();
  });

  it('reports error output', async () => {
    const { address } = await running(startPerl());
    const { at, stderr } = await front(address);
    expect((await ask(at('/complains'))).body.toString()).toBe('done');
    expect(stderr.join('')).toBe('something is odd');
  });

  it('keeps a connection for several requests, HEAD among them', async () => {
    const { address } = await running(startPerl());
    const { gateway } = await front(address);
    const answers = await askRaw(
      gateway.port,
      'HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n' +
        'POST /ignores-body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello' +
        'GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    expect(answers).not.toContain('HEAD /a');
    expect(answers).toContain('never read it');
    expect(answers).toContain('GET /b');
  });

  it('answers HTTP/1.0 without chunks', async () => {
    const { address } = await running(startPerl());
    const { gateway } = await front(address);
    const answer = await askRaw(gateway.port, 'GET /old HTTP/1.0\r\n\r\n');
    expect(answer).toMatch(/\r\n\r\nGET \/old$/);
    expect(answer.toLowerCase()).not.toContain('transfer-encoding');
  });

  it('says "100 Continue" to who waits for it', async () => {
    const { address } = await running(startPerl());
    const { at } = await front(address);
    for (const headers of [{ 'Content-Length': 4 }, { 'Transfer-Encoding': 'chunked' }]) {
      const outgoing = request(at('/upload'), {
        method: 'POST',
        agent: false,
        headers: { ...headers, Expect: '100-continue' },
      });
      outgoing.flushHeaders();
      await once(outgoing, 'continue');
      outgoing.end('abcd');
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      expect((await incoming.toArray()).join('')).toBe(`4 ${md5(Buffer.from('abcd'))}`);
    }
  });
});

describe('the gateway before php-cgi', () => {
  it('passes status, redirect, cookies and uploads', async () => {
    const { address } = await running(startPhp());
    const { at } = await front(address, { extraParams: phpParams });
    expect(await ask(at('/missing'))).toMatchObject({ status: 404, body: Buffer.from('not here') });
    expect(await ask(at('/moved'))).toMatchObject({ status: 302, headers: { location: '/elsewhere' } });
    expect((await ask(at('/cookies'))).headers['set-cookie']).toEqual(['a=1', 'b=2']);
    const body = Buffer.alloc(10_000_000, 'php');
    const headers = { 'Content-Type': 'application/octet-stream' };
    const upload = await ask(at('/upload'), { method: 'POST', headers }, body);
    expect(upload.body.toString()).toBe(`${body.length} ${md5(body)}`);
  });

  it('carries a 100 MB download', async () => {
    const { address } = await running(startPhp());
    const { at } = await front(address, { extraParams: phpParams });
    let length = 0;
    for await (const chunk of await start(at('/download'))) length += chunk.length;
    expect(length).toBe(1600 * 65_536);
  });
});

describe.each(['prefork', 'threaded'] as const)('the gateway before %s Python workers', (method) => {
  it('carries uploads, downloads and abandoned requests', async () => {
    const { address } = await running(startPython(method));
    const { at } = await front(address);
    const body = Buffer.alloc(10_000_000, 'python');
    const upload = await ask(at('/upload'), { method: 'POST' }, body);
    expect(upload.body.toString()).toBe(`${body.length} ${md5(body)}`);
    const inChunks = await ask(at('/upload'), { method: 'POST' }, Readable.from([body]));
    expect(inChunks.body.toString()).toBe(`${body.length} ${md5(body)}`);
    let length = 0;
    for await (const chunk of await start(at('/download'))) length += chunk.length;
    expect(length).toBe(1600 * 65_536);
    (await start(at('/endless'))).destroy();
    expect((await ask(at('/hello'))).body.toString()).toBe('GET /hello');
  });

  it('answers HEAD and many requests at once', async () => {
    const { address } = await running(startPython(method));
    const { at } = await front(address);
    expect(await ask(at('/a'), { method: 'HEAD' })).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => ask(at(`/${index}`))));
    expect(answers.map(({ body }) => body.toString())).toEqual(answers.map((_, index) => `GET /${index}`));
  });
});

describe('the gateway before an application that misbehaves', () => {
  it('says where nobody answers, and what to do', async () => {
    const fake = await startFake(() => {});
    await fake.stop();
    const { at, records } = await front(fake.address);
    const answer = await ask(at('/'));
    expect(answer.status).toBe(502);
    expect(answer.body.toString()).toContain(`cannot connect to unix:${fake.address.path}`);
    expect(answer.body.toString()).toContain('fcgictl status');
    await until(() => records.length === 1);
    expect(records[0]?.problem).toContain('there is no such socket');
  });

  it('does not ask for a body that nobody will take', async () => {
    const fake = await startFake(() => {});
    await fake.stop();
    const { gateway } = await front(fake.address);
    const answer = await askRaw(
      gateway.port,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
  });

  it('gives up on a silent one', async () => {
    const fake = await running(startFake((socket) => socket.resume()));
    const { at } = await front(fake.address, { idleTimeoutMs: 100 });
    const answer = await ask(at('/'));
    expect(answer.status).toBe(504);
    expect(answer.body.toString()).toContain('was silent for 0.1 s');
    await until(() => fake.connections.every((socket) => socket.readableEnded));
  });

  it.each([
    ['no FastCGI', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 502, 'An HTTP server listens there'],
    ['no answer', [endRequest()], 502, 'ended the request without an answer'],
    ['an overload', [endRequest(0, 2)], 503, 'overloaded'],
    ['a refusal', [endRequest(0, 3)], 502, 'refused the request (unknown-role)'],
    ['no header', [stdout('hello\n\n'), endRequest()], 502, 'no header'],
    [
      'a header that never ends',
      [stdout(`X: ${'a'.repeat(65_000)}`), stdout('a'.repeat(1000))],
      502,
      '65536',
    ],
    [
      'two lengths',
      [stdout('Content-Length: 1\nContent-Length: 2\n\nx'), endRequest()],
      502,
      'sent Content-Length',
    ],
    ['death', [stdout('Status: 200\n')], 502, 'closed the connection'],
  ])('answers with a page for %s', async (_what, answer, status, words) => {
    const { at, records } = await front(await answering(...answer));
    const page = await ask(at('/'));
    expect(page.status).toBe(status);
    expect(page.body.toString()).toContain(words);
    await until(() => records.length === 1);
    expect(records[0]?.problem).toBeDefined();
  });

  it.each([
    ['dies within the body', [stdout('Content-Length: 100\n\nhalf')], 'closed the connection'],
    ['dies within a body without length', [stdout('Status: 200\n\nhalf')], 'closed the connection'],
    [
      'sends less than it announced',
      [stdout('Content-Length: 100\n\nhalf'), endRequest()],
      '4 bytes of a body of 100',
    ],
  ])(
    'lets the client see that the answer is broken when the application %s',
    async (_what, answer, problem) => {
      const { at, records } = await front(await answering(...answer));
      await expect(ask(at('/'))).rejects.toThrow('aborted');
      await until(() => records.length === 1);
      expect(records[0]?.problem).toContain(problem);
    },
  );

  it('cuts what comes beyond the announced length', async () => {
    const { gateway } = await front(
      await answering(stdout('Content-Length: 4\n\ngoodHTTP/1.1 200 OK\r\n\r\nsmuggled'), endRequest()),
    );
    const answer = await askRaw(gateway.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/\r\n\r\ngood$/);
  });

  it('passes neither a body with HEAD, 204 and 304 nor the headers of one connection', async () => {
    const answer = [stdout('Content-Length: 4\nTransfer-Encoding: x\nConnection: x\n\nbody'), endRequest()];
    const { at } = await front(await answering(...answer));
    const head = await ask(at('/'), { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '4' }, body: Buffer.alloc(0) });
    expect(head.headers['transfer-encoding']).toBeUndefined();
    for (const status of [204, 304]) {
      const bare = await front(await answering(stdout(`Status: ${status}\nETag: "a"\n\nbody`), endRequest()));
      const reply = await ask(bare.at('/'));
      expect(reply).toMatchObject({ status, headers: { etag: '"a"' }, body: Buffer.alloc(0) });
    }
  });
});

describe('the gateway before an application that waits', () => {
  it('passes on what is there before the answer is complete', async () => {
    const fake = await running(startFake((socket) => socket.write(stdout('X-Early: 1\n\nfirst'))));
    const { at } = await front(fake.address);
    const incoming = await start(at('/'));
    expect(incoming.headers['x-early']).toBe('1');
    const [chunk] = await once(incoming, 'data');
    expect(String(chunk)).toBe('first');
    fake.connections[0]?.write(Buffer.concat([stdout('second'), endRequest()]));
    expect((await incoming.toArray()).join('')).toBe('second');
  });

  it('closes the FastCGI connection when the client leaves before the answer', async () => {
    const fake = await running(startFake((socket) => socket.resume()));
    const { at, records } = await front(fake.address);
    const outgoing = request(at('/slow'), { agent: false });
    outgoing.on('error', () => {});
    outgoing.end();
    await until(() => fake.connections.length === 1);
    outgoing.destroy();
    await until(() => fake.connections[0]?.readableEnded);
    await until(() => records.length === 1);
    expect(records[0]).toMatchObject({ status: 499, problem: 'the client left' });
  });

  it('does not end the body of a client that left within it', async () => {
    const received: Buffer[] = [];
    const fake = await running(startFake((socket) => socket.on('data', (data) => received.push(data))));
    const { at, records } = await front(fake.address);
    const outgoing = request(at('/'), { method: 'POST', agent: false, headers: { 'Content-Length': 100 } });
    outgoing.on('error', () => {});
    outgoing.write('half of it');
    await until(() => Buffer.concat(received).includes('half of it'));
    outgoing.destroy();
    await until(() => records.length === 1);
    await until(() => fake.connections[0]?.readableEnded);
    expect(Buffer.concat(received).includes(record({ type: 5 }))).toBe(false);
  });

  it('ends all that is under way when it is closed', async () => {
    const fake = await running(startFake((socket) => socket.resume()));
    const { gateway, at } = await front(fake.address);
    const asked = ask(at('/'));
    asked.catch(() => {});
    await until(() => fake.connections.length === 1);
    await gateway.close();
    await expect(asked).rejects.toThrow();
    await until(() => fake.connections[0]?.readableEnded);
  });
});

describe('the gateway itself', () => {
  it('refuses a malformed target', async () => {
    const { gateway } = await front(await answering(endRequest()));
    for (const target of ['/../etc', '/%zz', '*']) {
      const answer = await askRaw(
        gateway.port,
        `OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      );
      expect(answer, target).toMatch(/^HTTP\/1\.1 400 /);
    }
  });

  it('says when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const starting = startGateway({
      listen: { host: '127.0.0.1', port },
      target: () => ({ kind: 'unix', path: '/nowhere' }),
    });
    await expect(starting).rejects.toMatchObject({ code: 'LISTEN_IN_USE' });
    await new Promise((resolve) => other.close(resolve));
  });
});

async function start(url: string): Promise<IncomingMessage> {
  const outgoing = request(url, { agent: false });
  outgoing.on('error', () => {});
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.on('error', () => {});
  return incoming;
}
