import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlClient } from '../../../src/control/client.ts';
import { ControlServer } from '../../../src/control/server.ts';
import { RunfcgidError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/host/clock.ts';
import type { PoolProgress } from '../../../src/pools/commands.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { FakeCommands, outcome, poolSnapshot, statusOf } from '../../helpers/fake-commands.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { createGate } from '../../helpers/gate.ts';
import { until } from '../../helpers/until.ts';

const run = promisify(execFile);

let directory: string;
let path: string;
let commands: FakeCommands;
let log: FakeLog;
let server: ControlServer;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'control-'));
  path = join(directory, 'control.sock');
  commands = new FakeCommands();
  commands.pools = [poolSnapshot(), poolSnapshot({ name: 'api' })];
  log = new FakeLog();
  server = newServer();
});

afterEach(async () => {
  await server.close();
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

function newServer(): ControlServer {
  return new ControlServer({
    path,
    mode: 0o600,
    commands,
    log,
    clock: systemClock,
  });
}

function client(): ControlClient {
  return new ControlClient({ socketPath: path, timeoutMs: 60_000, clock: systemClock });
}

/** `[status, body]` of curl's request. */
async function curl(...args: readonly string[]): Promise<[number, string]> {
  const { stdout } = await run('curl', [
    ...['--silent', '--max-time', '60', '--unix-socket', path, '--write-out', '%{http_code}'],
    ...args,
  ]);
  return [Number(stdout.slice(-3)), stdout.slice(0, -3)];
}

/** What the server answers to raw bytes, until it closes the connection. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(bytes));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.setTimeout(60_000, () => reject(new Error(`no end of the answer: ${answer}`)));
  });
}

describe('the control socket', () => {
  test('has its mode from the moment it exists and is gone after the daemon', async () => {
    const umask = process.umask(0);
    await server.open();
    process.umask(umask);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['control.sock']);
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  test('replaces a socket that a dead daemon left', async () => {
    await run('python3', [
      '-c',
      `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`,
    ]);
    await server.open();
    expect((await client().status()).daemon.pid).toBe(4242);
  });

  test('refuses to take the place of a living daemon, which goes on', async () => {
    await server.open();
    await expect(newServer().open()).rejects.toMatchObject({ code: 'DAEMON_RUNNING' });
    expect((await client().status()).daemon.pid).toBe(4242);
  });

  test('refuses to replace a file', async () => {
    writeFileSync(path, 'precious');
    await expect(server.open()).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(statSync(path).size).toBe(8);
    rmSync(path);
  });

  test('says so when the path is too long or its directory is missing', async () => {
    path = join(directory, 'x'.repeat(120));
    await expect(newServer().open()).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    path = join(directory, 'missing', 'control.sock');
    await expect(newServer().open()).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  });

  test('leaves a socket alone that another daemon put in its place', async () => {
    await server.open();
    rmSync(path);
    const other = createServer().listen(path);
    await new Promise((resolve) => other.once('listening', resolve));
    await server.close();
    expect(existsSync(path)).toBe(true);
    await new Promise((resolve) => other.close(resolve));
  });

  test('survives that its socket was deleted', async () => {
    await server.open();
    rmSync(path);
    await server.close();
  });
});

describe('curl', () => {
  test('reads the status', async () => {
    await server.open();
    const [status, body] = await curl('http://localhost/v1/status');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual(statusOf(commands.pools));
  });

  test('gets progress and outcomes as JSON lines', async () => {
    await server.open();
    const [status, body] = await curl('--data', '{"pools":["web"]}', 'http://anything/v1/pools/restart');
    expect(status).toBe(200);
    expect(
      body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([{ progress: { pool: 'web', message: 'restart under way' } }, { outcomes: [outcome({})] }]);
    expect(commands.asked).toEqual(['restart web']);
  });

  test.each([
    ['{"pools":"all"}', 'pools/reload', ['reload all']],
    ['{"pools":["web","web"]}', 'pools/take-back', ['take back web']],
    ['{"pool":"web","workers":3}', 'pools/scale', ['scale 3 web']],
    ['{}', 'daemon/reconfigure', ['reconfigure']],
    ['', 'daemon/reconfigure', ['reconfigure']],
    ['{"pools":["web"],"isHard":true}', 'pools/restart', ['restart by stop web']],
    ['{"pools":["web"],"isHard":false}', 'pools/restart', ['restart web']],
    ['{"pools":["web"],"isNow":true}', 'pools/restart', ['restart by kill web']],
    ['{"pools":["web"]}', 'pools/kill', ['kill web']],
    ['{}', 'daemon/stop', ['shut down']],
    ['', 'daemon/kill', ['shut down now']],
  ])('%s to %s is carried out', async (body, path, asked) => {
    await server.open();
    const [status] = await curl('--data', body, `http://x/v1/${path}`);
    expect([status, commands.asked]).toEqual([200, asked]);
  });

  test('an invalid configuration is an answer of its own', async () => {
    commands.work = () => Promise.reject(new RunfcgidError('CONFIG_INVALID', 'runfcgid.toml:1: bad'));
    await server.open();
    const [status, body] = await curl('--data', '{}', 'http://x/v1/daemon/reconfigure');
    expect([status, JSON.parse(body).error.code]).toEqual([422, 'CONFIG_INVALID']);
    await expect(client().reconfigure(() => {})).rejects.toMatchObject({ exitCode: 78 });
  });

  test.each([
    ['an unknown path', 404, ['http://x/v2/status'], 'there is no /v2/status here'],
    ['a wrong method', 405, ['--data', '{}', 'http://x/v1/status'], '/v1/status takes GET, not POST'],
    ['GET where POST belongs', 405, ['http://x/v1/pools/stop'], '/v1/pools/stop takes POST, not GET'],
    ['no JSON', 400, ['--data', '{pools', 'http://x/v1/pools/stop'], 'not JSON'],
    ['no body', 400, ['--request', 'POST', 'http://x/v1/pools/stop'], 'not JSON'],
    ['a list', 400, ['--data', '[1]', 'http://x/v1/pools/stop'], 'not a JSON object'],
    ['no names', 400, ['--data', '{"pools":[]}', 'http://x/v1/pools/stop'], 'names no pools'],
    ['an odd key', 400, ['--data', '{"pool":"a"}', 'http://x/v1/pools/stop'], 'unknown key "pool"'],
    ['no number', 400, ['--data', '{"pool":"web","workers":"2"}', 'http://x/v1/pools/scale'], 'not a number'],
    [
      'half a worker',
      400,
      ['--data', '{"pool":"web","workers":1.5}', 'http://x/v1/pools/scale'],
      'from 1 to',
    ],
    ['no pool', 400, ['--data', '{"workers":2}', 'http://x/v1/pools/scale'], 'names no pool'],
    ['half a word', 400, ['--data', '{"pools":"all","isHard":1}', 'http://x/v1/pools/restart'], '"isHard"'],
    ['another half', 400, ['--data', '{"pools":"all","isNow":"x"}', 'http://x/v1/pools/restart'], '"isNow"'],
    ['too much', 400, ['--data', '{"pools":"all"}', 'http://x/v1/daemon/reconfigure'], 'unknown key "pools"'],
    ['an unknown pool', 404, ['--data', '{"pools":["wob"]}', 'http://x/v1/pools/stop'], 'no pool "wob"'],
  ])('is refused with a reason for %s', async (_case, expected, args, words) => {
    await server.open();
    const [status, body] = await curl(...args);
    expect(status).toBe(expected);
    expect(JSON.parse(body).error.message).toContain(words);
    expect((await client().status()).daemon.pid).toBe(4242);
  });

  test('is refused when it sends more than 64 KiB', async () => {
    await server.open();
    writeFileSync(join(directory, 'body'), 'x'.repeat(70_000));
    const [status, body] = await curl(
      '--data-binary',
      `@${join(directory, 'body')}`,
      'http://x/v1/pools/stop',
    );
    rmSync(join(directory, 'body'));
    expect(status).toBe(413);
    expect(body).toContain('longer than 65536 bytes');
    expect(commands.asked).toEqual([]);
  });
});

describe('a request', () => {
  test('may have no Host header', async () => {
    await server.open();
    expect(await raw('GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('that is not HTTP, or too long, is refused and the server goes on', async () => {
    await server.open();
    expect(await raw('\u0000\u0001nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(`GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect((await client().status()).daemon.pid).toBe(4242);
  });

  test('is logged with who made it', async () => {
    await server.open();
    await client().run('stop', ['web'], () => {});
    expect(log.of('control.request')).toEqual([
      expect.objectContaining({
        level: 'info',
        pid: process.pid,
        uid: process.getuid?.(),
        gid: process.getgid?.(),
        path: '/v1/pools/stop',
      }),
    ]);
  });

  test('that makes the daemon stumble gets an answer, and the log the mistake', async () => {
    commands.work = () => Promise.reject(new TypeError('x is undefined'));
    await server.open();
    await expect(client().run('stop', 'all', () => {})).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(log.of('control.failed')).toHaveLength(1);
    expect((await client().status()).daemon.pid).toBe(4242);
  });

  test('goes on when its client leaves, and harms nobody', async () => {
    const left = createGate();
    const finished = createGate();
    commands.work = async (onProgress) => {
      onProgress({ pool: 'web', message: 'first' });
      await left.opened;
      for (let line = 0; line < 100; line += 1) onProgress({ pool: 'web', message: 'x'.repeat(10_000) });
      finished.open();
      return [outcome({})];
    };
    await server.open();
    const socket = connect(path);
    socket.write('POST /v1/pools/stop HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"pools":"all"}');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
    left.open();
    await finished.opened;
    expect((await client().status()).daemon.pid).toBe(4242);
    expect(log.of('control.failed')).toEqual([]);
  });
});

describe('the client', () => {
  test('hands progress on while it comes, then the outcomes', async () => {
    const heard: PoolProgress[] = [];
    const release = createGate();
    commands.work = async (onProgress) => {
      onProgress({ pool: 'web', message: '1 of 2 workers ready' });
      await release.opened;
      return [outcome({})];
    };
    await server.open();
    const outcomes = client().run('start', 'all', (progress) => {
      heard.push(progress);
      release.open();
    });
    await expect(outcomes).resolves.toEqual([outcome({})]);
    expect(heard).toEqual([{ pool: 'web', message: '1 of 2 workers ready' }]);
  });

  test('gets the error of the daemon with code and hint, also after progress', async () => {
    await server.open();
    await expect(client().run('start', ['nope'], () => {})).rejects.toMatchObject({
      code: 'PLAN_UNKNOWN_POOL',
      hint: 'Known pools: web, api.',
    });
    commands.work = async (onProgress) => {
      onProgress({ pool: 'web', message: 'almost' });
      throw new Error('half-way');
    };
    await expect(client().run('start', 'all', () => {})).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('knows that no daemon runs', async () => {
    await expect(client().status()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING', exitCode: 69 });
    await run('python3', [
      '-c',
      `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`,
    ]);
    await expect(client().status()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' });
    rmSync(path);
  });

  test.runIf(process.getuid?.() === 0)('knows that it may not', async () => {
    await server.open();
    process.seteuid?.(65_534);
    const status = client().status();
    process.seteuid?.(0);
    await expect(status).rejects.toMatchObject({ code: 'CONTROL_DENIED', exitCode: 77 });
  });

  test('does not wait for ever', async () => {
    commands.work = () => new Promise(() => {});
    await server.open();
    const clock = new FakeClock();
    const refused = expect(
      new ControlClient({ socketPath: path, timeoutMs: 50, clock }).shutDown('stop', () => {}),
    ).rejects.toMatchObject({
      code: 'CONTROL_TIMEOUT',
      hint: expect.stringContaining('What was asked goes on'),
    });
    await until(() => commands.asked.length > 0);
    await clock.advance(50);
    await refused;
    expect(commands.asked).toEqual(['shut down']);
  });

  test('says so when time was up before anything was asked', async () => {
    await server.open();
    const clock = new FakeClock();
    const asked = new ControlClient({ socketPath: path, timeoutMs: 1, clock }).run(
      'restart',
      'all',
      () => {},
    );
    const refused = expect(asked).rejects.toMatchObject({
      code: 'CONTROL_TIMEOUT',
      hint: 'Nothing was asked of it yet: allow more time with --timeout.',
    });
    await clock.advance(1);
    await refused;
    await client().status();
    expect(commands.asked).toEqual([]);
  });

  test.each([
    ['closes at once', ''],
    ['speaks something else', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['answers no JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n'],
    ['answers other JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n42\n'],
    ['breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n{"daemon":'],
    ['refuses without a reason', 'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'],
  ])('says so when the other end %s', async (_case, answer) => {
    const other = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer));
    }).listen(path);
    await new Promise((resolve) => other.once('listening', resolve));
    await expect(client().status()).rejects.toMatchObject({ code: 'CONTROL_PROTOCOL' });
    await new Promise((resolve) => other.close(resolve));
  });
});
