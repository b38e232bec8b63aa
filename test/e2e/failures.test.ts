import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fcgictl, repository, runfcgid, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { type Finished, mustFinish } from '../helpers/program.ts';
import { until } from '../helpers/until.ts';
import { type RunningProcess, Workspace } from '../helpers/workspace.ts';

const fixtures = `${repository}/test/fixtures`;
/** Gives up after the second death; while it tries again it is not failed. */
const givesUp = 'max_restarts = 1\nbackoff_initial = "50ms"\nbackoff_max = "10m"';
const triesAgainSoon = 'backoff_initial = "50ms"\nbackoff_max = "2s"';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

function pool(name: string, command: string, more = ''): string {
  return `[pools.${name}]\ncommand = ["${command}"]\nlisten = "unix:${workspace.file(`${name}.sock`)}"\n${more}\n`;
}

const good = (): string => pool('good', `${fixtures}/answers`);

describe('a pool that cannot run', () => {
  const cases = [
    {
      trouble: 'whose command does not exist',
      command: '/no/such/program',
      reason: 'the program "/no/such/program" does not exist',
    },
    {
      trouble: 'that exits at once with 0',
      command: `${fixtures}/exits-zero-at-once`,
      reason: 'without accepting: not a FastCGI program, or an option error',
    },
    {
      trouble: 'that exits at once with an error',
      command: `${fixtures}/exits-at-once`,
      reason: 'without accepting; its last line was "about to give up"',
    },
  ];

  test.each(cases)('$trouble is told of once by start and by status, beside one that runs', async (row) => {
    const config = writeConfig(workspace, `${good()}${pool('bad', row.command, givesUp)}`);
    const daemon = await TestDaemon.start(workspace, config);
    const started = await daemon.fcgictl('start');
    expect([started.status, started.stdout]).toEqual([1, 'good: running with 1 worker\n']);
    const told = started.stderr.split('\n').filter((line) => line.startsWith('bad: failed: '));
    expect(told).toEqual([expect.stringContaining(row.reason)]);
    const status = await daemon.fcgictl('status');
    expect(status.status).toBe(3);
    expect(status.stdout).toMatch(/^good +running +1\/1/m);
    expect(status.stdout).toMatch(/^bad +failed +0\/1/m);
    const reason = status.stdout.split('\n').filter((line) => line.startsWith('bad is failed: '));
    expect(reason).toEqual([expect.stringContaining(row.reason)]);
    expect(status.stdout).toContain('next attempt in ');
    expect((await daemon.fcgictl('status', 'good')).status).toBe(0);
  });

  test('because its port is in use names who listens there, and runs once that one has gone', async () => {
    const port = await freePort();
    const squatter = createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    workspace.onClose(() => squatter.close());
    const taken = `[pools.taken]\ncommand = ["${fixtures}/answers"]\nlisten = "127.0.0.1:${port}"\n${triesAgainSoon}`;
    const daemon = await TestDaemon.start(workspace, writeConfig(workspace, `${good()}${taken}`));
    const started = await daemon.fcgictl('start');
    const message = `taken: failed: cannot listen on 127.0.0.1:${port}: pid ${process.pid} (`;
    expect([started.status, started.stdout]).toEqual([1, 'good: running with 1 worker\n']);
    expect(started.stderr).toContain(message);
    const advice = 'Stop that process, or give the pool another "listen" address.';
    expect(started.stderr).toContain(advice);
    expect((await daemon.fcgictl('status')).stdout).toContain(advice);
    expect((await daemon.pool('taken')).reason).toContain(`pid ${process.pid}`);
    squatter.close();
    await until(async () => (await daemon.pool('taken')).state === 'running');
    const { url } = await startNginx(workspace, `127.0.0.1:${port}`);
    expect((await ask(url)).status).toBe(200);
  });

  test('because of its configuration says what, where and what was meant, and the others run', async () => {
    const slip = `[pools.slip]\ncomand = ["${fixtures}/answers"]\nlisten = "unix:slip.sock"`;
    const config = writeConfig(workspace, `${good()}${slip}`);
    const daemon = await TestDaemon.start(workspace, config);
    const started = await daemon.fcgictl('start');
    expect([started.status, started.stdout]).toEqual([1, 'good: running with 1 worker\n']);
    expect(started.stderr).toContain('slip: its configuration has problems');
    expect(started.stderr).toMatch(/runfcgid\.toml:\d+:1: pools\.slip\.comand: .*did you mean "command"\?/);
    const status = await daemon.fcgictl('status');
    expect(status.stdout).toMatch(/^slip +failed/m);
    expect(status.stdout).toContain('did you mean "command"?');
    for (const text of [started.stderr, status.stdout]) expect(text).toContain('fcgictl reload --config');
    workspace.write('runfcgid.toml', readFileSync(config, 'utf8').replace('comand', 'command'));
    expect((await daemon.fcgictl('reload', '--config')).stdout).toContain(
      'slip: added: running with 1 worker',
    );
  });
});

describe('a configuration that cannot be read', () => {
  test('because it is missing', async () => {
    const config = workspace.file('nowhere.toml');
    const message = `there is no configuration file ${config} (named by the command line)\n`;
    for (const { status, stdout, stderr } of [
      await fcgictl(workspace, config, 'start'),
      await runfcgid(workspace, '--config', config),
    ]) {
      expect([status, stdout]).toEqual([78, '']);
      expect(stderr).toContain(message);
    }
  });

  test('because it is not TOML names the place', async () => {
    const config = workspace.write('bad.toml', '[pools.web\n');
    for (const { status, stderr } of [
      await fcgictl(workspace, config, 'start'),
      await runfcgid(workspace, '--config', config),
    ]) {
      expect(status).toBe(78);
      expect(stderr).toMatch(/bad\.toml:1:\d+: is not TOML: /);
    }
  });

  test('because it is no file', async () => {
    const { status, stderr } = await fcgictl(workspace, workspace.path, 'start');
    expect(status).toBe(78);
    expect(stderr).toContain(`${workspace.path}: cannot be read: `);
  });
});

test('a restart of 20 pools replaces every worker, with one line for each', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `site-${index + 1}`);
  const pools = names.map((name) => pool(name, `${fixtures}/answers`)).join('');
  const daemon = await TestDaemon.start(workspace, writeConfig(workspace, pools));
  const before = (await daemon.status()).pools.flatMap(({ workers }) => workers.map(({ pid }) => pid));
  const { status, stdout } = await daemon.fcgictl('restart');
  expect(stdout).toBe(names.map((name) => `${name}: running with 1 worker\n`).join(''));
  expect(status).toBe(0);
  const after = await daemon.status();
  expect(after.pools.map(({ state }) => state)).toEqual(names.map(() => 'running'));
  expect(after.pools.map(({ generation }) => generation)).toEqual(names.map(() => 2));
  const live = after.pools.flatMap(({ workers }) => workers.filter((worker) => worker.generation === 2));
  expect(live).toHaveLength(20);
  expect(before.filter((pid) => live.some((worker) => worker.pid === pid))).toEqual([]);
});

describe('a daemon that may not have more open files', () => {
  /** Leaves room for so many more; `undefined`: as many as it likes. */
  async function allowFiles(more: number | undefined): Promise<void> {
    const open = new Set(readdirSync(`/proc/${daemon.pid}/fd`).map(Number));
    let limit = 0;
    for (let free = -1; free < (more ?? 10_000); limit += 1) if (!open.has(limit)) free += 1;
    await mustFinish(['prlimit', '--pid', `${daemon.pid}`, `--nofile=${limit - 1}:`]);
  }

  /** Until nothing is open in it for a moment only: so many clients, and no file that pidusage keeps for the next look. */
  async function settle(clients: number): Promise<void> {
    const isAccepted = (file: string): boolean => acceptedSockets(workspace.file('run/.control.')).has(file);
    await until(() => {
      const open = openFiles(daemon.pid);
      return open.filter(isAccepted).length === clients && !open.some((file) => file.startsWith('/proc/'));
    });
  }

  /** What the client says when the daemon, which has accepted its connection, has room for so many files more. */
  async function askWith(room: number, ...command: readonly string[]): Promise<Finished> {
    const connection = connect(workspace.file('run/control.sock'));
    await settle(1);
    const relay = createServer((client) => client.pipe(connection).pipe(client));
    const path = workspace.file('relay.sock');
    relay.listen(path);
    await once(relay, 'listening');
    await allowFiles(room);
    const finished = await fcgictl(workspace, daemon.config, '--socket', path, ...command);
    await allowFiles(undefined);
    relay.close();
    await once(relay, 'close');
    return finished;
  }

  let daemon: TestDaemon;

  test('says so and what to raise, serves on, and does all it is asked once it may', async () => {
    daemon = await TestDaemon.start(workspace, writeConfig(workspace, good()));
    for (const command of [['status'], ['reload', '--config']]) {
      const { status, stderr } = await askWith(0, ...command);
      expect({ command, status, stderr }).toEqual({
        command,
        status: 69,
        stderr: expect.stringMatching(
          /^fcgictl: runfcgid may not have more open files\n.*\nRaise LimitNOFILE/,
        ),
      });
    }
    const { error } = JSON.parse((await askWith(0, '--json', 'status')).stdout) as { error: object };
    expect(error).toMatchObject({ code: 'DAEMON_OUT_OF_FILES', cause: expect.stringMatching(/EMFILE/) });
    expect((await daemon.pool('good')).state).toBe('running');
    expect(await daemon.fcgictl('reload', '--config')).toMatchObject({ status: 0 });
  });

  /** On a path and on a port. */
  async function startTwo(): Promise<void> {
    const command = `command = ["${fixtures}/answers"]\nworkers = 2`;
    const onPort = `[pools.port]\n${command}\nlisten = "127.0.0.1:${await freePort()}"\n`;
    const config = writeConfig(workspace, `${pool('path', `${fixtures}/answers`, 'workers = 2')}${onPort}`);
    daemon = await TestDaemon.start(workspace, config);
  }

  /** Asked of the system: after a status of the daemon its files would have to settle. */
  const workersOfBoth = (): readonly RunningProcess[] =>
    workspace.processes().filter(({ command }) => command.includes(`${fixtures}/answers`));

  test('stops as ever: addresses lead nowhere, workers finish and are seen to have ended', async () => {
    await startTwo();
    const workers = [...(await daemon.workerPids('path')), ...(await daemon.workerPids('port'))];
    expect(workers).toHaveLength(4);
    await settle(0);
    await allowFiles(0);
    const before = daemon.log.length;
    daemon.signal('SIGTERM');
    expect(await daemon.ended()).toBe(0);
    expect(workers.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    const after = daemon.log.slice(before);
    expect(after.filter(({ level }) => level !== 'info')).toEqual([]);
    expect(after.filter(({ event }) => event === 'pool.stopped')).toHaveLength(2);
  });

  test('stops one pool as ever if it can hear of that', async () => {
    await startTwo();
    const stopped = await askWith(0, 'stop', 'port');
    expect(stopped.status).toBe(0);
    expect(stopped.stdout).toMatch(/^port: stopped$/m);
    expect(daemon.log.filter(({ event }) => event === 'address.kept')).toEqual([]);
    expect(await daemon.fcgictl('start', 'port')).toMatchObject({ status: 0 });
  });

  test('says what to raise when it cannot reload or scale, however far it got', async () => {
    await startTwo();
    const untold: object[] = [];
    for (const room of [0, 2, 5]) {
      for (const [verb = '', ...words] of [
        ['reload', 'path'],
        ['reload', 'port'],
        ['scale', 'path', '30'],
        ['scale', 'port', '30'],
      ]) {
        const { status, stderr } = await askWith(room, verb, ...words);
        const isTold = /^( {2}\| )?Raise LimitNOFILE/m.test(stderr);
        if (status === 0 || !isTold) untold.push({ room, verb, words, status, stderr });
        for (const name of ['path', 'port']) await daemon.fcgictl('scale', name, '2');
        await until(() => workersOfBoth().length === 4);
      }
    }
    expect(untold).toEqual([]);
  });
});

/** What the descriptors of a process stand for, without those that it closes meanwhile. */
function openFiles(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((name) => {
    try {
      return [readlinkSync(`${directory}/${name}`)];
    } catch {
      return [];
    }
  });
}

/** Of connections to a Unix socket that was bound under a name that begins so, as openFiles has them (proc_net(5)). */
function acceptedSockets(path: string): ReadonlySet<string> {
  const rows = readFileSync('/proc/net/unix', 'utf8').split('\n');
  const columns = rows.map((row) => row.trim().split(/ +/));
  const connected = columns.filter(([, , , , , state, , name]) => state === '03' && name?.startsWith(path));
  return new Set(connected.map(([, , , , , , inode]) => `socket:[${inode}]`));
}
