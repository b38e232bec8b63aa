import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ControlServer } from '../../../src/control/server.ts';
import { RunfcgidError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { type BundledScript, bundleScript } from '../../helpers/bundle-script.ts';
import { FakeCommands, outcome, poolSnapshot, statusOf } from '../../helpers/fake-commands.ts';
import { FakeLog } from '../../helpers/fake-log.ts';

/** A user without rights. */
const nobody = 65_534;

let ctl: BundledScript;
let directory: string;
let socket: string;
let commands: FakeCommands;
let server: ControlServer;

beforeAll(async () => {
  ctl = await bundleScript('src/ctl.ts');
});

afterAll(() => ctl.remove());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fcgictl-'));
  socket = join(directory, 'control.sock');
  commands = new FakeCommands();
  commands.pools = [poolSnapshot(), poolSnapshot({ name: 'api' })];
  server = new ControlServer({
    path: socket,
    mode: 0o600,
    commands,
    log: new FakeLog(),
    clock: systemClock,
  });
});

afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

const notRunning = (path: string): string => `runfcgid is not running: no daemon answers on ${path}\n`;

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real program in an environment of its own. */
function fcgictl(...args: readonly string[]): Promise<Result> {
  const env = { PATH: process.env['PATH'], HOME: directory, XDG_RUNTIME_DIR: directory };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [ctl.path, ...args],
      { env, timeout: 60_000 },
      (_, stdout, stderr) => resolve({ status: child.exitCode, stdout, stderr }),
    );
  });
}

function onSocket(...args: readonly string[]): Promise<Result> {
  return fcgictl('--socket', socket, ...args);
}

describe('fcgictl status', () => {
  test('shows a table and exits with 0 when every pool runs', async () => {
    await server.open();
    const { status, stdout, stderr } = await onSocket('status');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('POOL  STATE    WORKERS  BUSY  LISTEN');
    expect(stdout).toMatch(/^web {3}running {6}2\/2 {5}- {2}unix:\/run\/runfcgid\/web\.sock/m);
    expect(stdout).not.toContain('\u001b');
  });

  test('exits with 3 when a pool does not run, unless only others were asked for', async () => {
    commands.pools = [poolSnapshot(), poolSnapshot({ name: 'api', state: 'failed', reason: 'it broke' })];
    await server.open();
    const all = await onSocket('status');
    expect(all.status).toBe(3);
    expect(all.stdout).toContain('api is failed: it broke');
    expect((await onSocket('status', 'web')).status).toBe(0);
    expect((await onSocket('status', 'api')).status).toBe(3);
  });

  test('prints the snapshot as JSON wherever the option stands', async () => {
    await server.open();
    for (const args of [
      ['status', '--json'],
      ['--json', 'status'],
    ]) {
      const { status, stdout } = await onSocket(...args);
      expect([status, JSON.parse(stdout)]).toEqual([0, statusOf(commands.pools)]);
    }
  });

  test('prints valid JSON and exits with 3 when no daemon runs', async () => {
    const { status, stdout, stderr } = await onSocket('status', '--json');
    expect([status, stderr, JSON.parse(stdout)]).toEqual([3, '', { daemon: null, pools: [], orphans: 0 }]);
    expect(await onSocket('status')).toMatchObject({ status: 3, stdout: notRunning(socket) });
  });

  test('prints a mistake of the command line as JSON too', async () => {
    const { status, stdout, stderr } = await onSocket('--json', 'statsu');
    expect([status, JSON.parse(stdout)]).toEqual([
      64,
      {
        error: {
          code: 'USAGE',
          message: "unknown command 'statsu'\n(Did you mean status?)",
          hint: 'See fcgictl --help.',
        },
      },
    ]);
    expect(stderr).toContain("fcgictl: unknown command 'statsu'");
  });

  test('suggests the name that was meant', async () => {
    await server.open();
    expect(await onSocket('status', 'wev')).toMatchObject({
      status: 64,
      stderr: 'fcgictl: there is no pool "wev"\nDid you mean "web"?\n',
    });
  });

  test('needs of the configuration only where the socket is, not sound pools', async () => {
    const config = join(directory, 'runfcgid.toml');
    writeFileSync(config, `[daemon]\nruntime_dir = "${directory}"\n[pools.web]\nwrokers = 1\n`);
    await server.open();
    expect((await fcgictl('--config', config, 'status')).status).toBe(0);
  });

  test('looks at the usual place when there is no configuration at all', async () => {
    const { status, stdout, stderr } = await fcgictl('status');
    const usualPlace = join(process.getuid?.() === 0 ? '/run' : directory, 'runfcgid', 'control.sock');
    expect([status, stdout, stderr]).toEqual([3, notRunning(usualPlace), '']);
  });

  test('reaches the daemon that runs with a file in which a mistake was made since', async () => {
    const config = join(directory, 'runfcgid.toml');
    writeFileSync(config, `[daemon]\nruntime_dir = "${directory}"\nlog_lvel = "warn"\n`);
    const snapshot = statusOf(commands.pools);
    commands.status = async () => ({
      ...snapshot,
      daemon: { ...snapshot.daemon, configFiles: [config] },
    });
    await server.open();
    const { status, stdout, stderr } = await fcgictl('--config', config, 'stop', 'web', '--json');
    expect([status, JSON.parse(stdout).outcomes[0].pool]).toEqual([0, 'web']);
    expect(stderr).toContain('log_lvel: is not a setting');
    expect(stderr).toContain(`The daemon that runs with this file answers on ${socket}.`);
    expect(commands.asked).toEqual(['stop web']);
  });

  test.runIf(process.getuid?.() === 0)(
    'does not believe another user who says that he runs with a file in which there is a mistake',
    async () => {
      const config = join(directory, 'runfcgid.toml');
      writeFileSync(config, `[daemon]\nruntime_dir = "${directory}"\nlog_lvel = "warn"\n`);
      const snapshot = statusOf(commands.pools);
      commands.status = async () => ({
        ...snapshot,
        daemon: { ...snapshot.daemon, configFiles: [config] },
      });
      chownSync(directory, nobody, nobody);
      process.seteuid?.(nobody); // who listens is who calls listen(2)
      await server.open().finally(() => process.seteuid?.(0));
      expect((await fcgictl('--config', config, 'stop', 'web')).status).toBe(78);
      expect((await fcgictl('--socket', socket, 'stop', 'api')).status).toBe(0);
      expect(commands.asked).toEqual(['stop api']);
    },
  );

  test('says how to reach a daemon when a mistake hides where it is, and asks no other one', async () => {
    const config = join(directory, 'runfcgid.toml');
    writeFileSync(config, `[daemon]\nruntime_dir = "${directory}"\nlog_lvel = "warn"\n`);
    await server.open();
    const other = await fcgictl('--config', config, 'stop', 'web');
    expect(other.status).toBe(78);
    expect(other.stderr).toContain(`can still be reached with --socket PATH; its socket is ${socket} unless`);
    writeFileSync(config, `[daemon]\nruntime_dir = "${directory}\n`);
    const json = await fcgictl('--config', config, 'status', '--json');
    expect(json.status).toBe(78);
    expect(JSON.parse(json.stdout).error).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      hint: expect.stringMatching(
        /^Correct the line .* --socket PATH; its socket is \S+\/runfcgid\/control\.sock/,
      ),
    });
    expect(commands.asked).toEqual([]);
  });

  test('says when the configuration that was asked for does not exist', async () => {
    const { status, stderr } = await fcgictl('--config', '/nowhere/x.toml', 'status');
    expect(status).toBe(78);
    expect(stderr).toContain('there is no configuration file /nowhere/x.toml');
  });
});

describe('fcgictl start, stop and restart', () => {
  test.each(['start', 'restart'])('%s tells the outcome of each pool', async (verb) => {
    await server.open();
    expect(await onSocket(verb)).toEqual({
      status: 0,
      stdout: 'web: running with 2 workers\napi: running with 2 workers\n',
      stderr: '',
    });
    expect(await onSocket(verb, 'api')).toMatchObject({ status: 0 });
    expect(commands.asked).toEqual([`${verb} all`, `${verb} api`]);
  });

  test('the exit status is 1 when a pool did not do it, and says why', async () => {
    commands.work = async () => [
      outcome({}),
      outcome({
        pool: 'api',
        isDone: false,
        message: 'failed: no such program',
        details: ['line 1', 'line 2'],
      }),
    ];
    await server.open();
    expect(await onSocket('start')).toEqual({
      status: 1,
      stdout: 'web: running with 2 workers\n',
      stderr: 'api: failed: no such program\n  | line 1\n  | line 2\n',
    });
    const json = await onSocket('start', '--json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout).outcomes[1]).toMatchObject({ pool: 'api', isDone: false });
  });

  test('an unknown pool is a mistake on the command line, in words and in JSON', async () => {
    await server.open();
    expect(await onSocket('restart', 'nope')).toMatchObject({
      status: 64,
      stderr: 'fcgictl: there is no pool "nope"\nKnown pools: web, api.\n',
    });
    const { status, stdout } = await onSocket('restart', 'nope', '--json');
    expect([status, JSON.parse(stdout).error.code]).toEqual([64, 'PLAN_UNKNOWN_POOL']);
  });

  test('--timeout ends the waiting and says that the work goes on', async () => {
    commands.work = () => new Promise(() => {});
    await server.open();
    const { status, stderr } = await onSocket('stop', 'web', '--timeout', '100ms');
    expect(status).toBe(75);
    expect(stderr).toContain('did not finish within 0.1 s');
  });

  test('stop with names, or with --keep-daemon, leaves the daemon', async () => {
    await server.open();
    expect((await onSocket('stop', 'web')).status).toBe(0);
    expect((await onSocket('stop', '--keep-daemon')).status).toBe(0);
    expect(commands.asked).toEqual(['stop web', 'stop all']);
  });

  test('stop --now kills, and restart --now kills and starts', async () => {
    await server.open();
    expect((await onSocket('stop', '--now', 'web')).status).toBe(0);
    expect((await onSocket('stop', '--now', '--keep-daemon')).status).toBe(0);
    expect((await onSocket('restart', '--now', 'web')).status).toBe(0);
    expect((await onSocket('restart', '--hard', '--now', 'web')).status).toBe(0);
    expect((await onSocket('stop', '--now', 'nope')).status).toBe(64);
    expect(commands.asked).toEqual([
      'kill web',
      'kill all',
      'restart by kill web',
      'restart by kill web',
      'kill nope',
    ]);
  });

  test('stop without names waits until the daemon has ended', async () => {
    let isOver = false;
    commands.work = async () => {
      // As in the daemon, the end comes after the answer.
      setTimeout(() => {
        isOver = true;
        void server.close();
      }, 200);
      return [outcome({ state: 'stopped', message: 'stopped' })];
    };
    await server.open();
    const { status, stdout } = await onSocket('stop');
    expect([status, stdout, isOver]).toEqual([0, 'web: stopped\nrunfcgid has ended\n', true]);
  });

  test('stop is true already when no daemon runs', async () => {
    expect(await onSocket('stop')).toEqual({ status: 0, stdout: notRunning(socket), stderr: '' });
    expect(JSON.parse((await onSocket('stop', '--json')).stdout)).toEqual({ outcomes: [], orphans: 0 });
  });

  test('start does not start a daemon for a socket that only the command line names', async () => {
    const { status, stderr } = await onSocket('start');
    expect(status).toBe(69);
    expect(stderr).toContain(`no daemon answers on ${socket}`);
  });
});

describe('fcgictl reload, restart --hard and scale', () => {
  test('reload waits for the new workers and tells how they come along', async () => {
    commands.work = async (onProgress) => {
      onProgress({ pool: 'web', message: 'generation 2 proving: 1 of 2 workers ready' });
      return [outcome({})];
    };
    await server.open();
    expect(await onSocket('reload', 'web')).toMatchObject({
      status: 0,
      stdout: 'web: running with 2 workers\n',
    });
    expect((await onSocket('reload')).status).toBe(0);
    expect(commands.asked).toEqual(['reload web', 'reload all']);
    commands.work = async () => [];
    const nothing = 'no pool runs: there is nothing to reload\n';
    expect(await onSocket('reload')).toEqual({ status: 0, stdout: nothing, stderr: '' });
    expect((await onSocket('reload', '--json')).stdout).toBe('{"outcomes":[]}\n');
  });

  test('a reload that was refused exits with 1 and shows why', async () => {
    commands.work = async () => [
      outcome({
        isDone: false,
        message: 'reload refused: exited with status 1; the workers from before go on serving',
        details: ['Traceback (most recent call last):', 'SyntaxError: invalid syntax'],
      }),
    ];
    await server.open();
    expect(await onSocket('reload', 'web')).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'web: reload refused: exited with status 1; the workers from before go on serving\n' +
        '  | Traceback (most recent call last):\n  | SyntaxError: invalid syntax\n',
    });
    const json = await onSocket('reload', 'web', '--json');
    expect([json.status, JSON.parse(json.stdout).outcomes[0].isDone]).toEqual([1, false]);
  });

  test('reload needs a daemon that runs', async () => {
    expect((await onSocket('reload')).status).toBe(69);
  });

  test('reload --abort of named pools tells of each; 1 when one has nothing to take back', async () => {
    await server.open();
    expect(await onSocket('reload', '--abort', 'web')).toMatchObject({ status: 0 });
    commands.work = async () => [outcome({ isDone: false, message: 'has no reload to take back' })];
    expect(await onSocket('reload', '--abort', 'web')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'web: has no reload to take back\n',
    });
    expect(commands.asked).toEqual(['take back web', 'take back web']);
  });

  test('reload --abort of all pools is about those that have something to take back', async () => {
    const nothing = outcome({ pool: 'api', isDone: false, message: 'has no reload to take back' });
    commands.work = async () => [outcome({ message: 'generation 1 serves' }), nothing];
    await server.open();
    expect(await onSocket('reload', '--abort')).toEqual({
      status: 0,
      stdout: 'web: generation 1 serves\n',
      stderr: '',
    });
    commands.work = async () => [nothing];
    expect(await onSocket('reload', '--abort')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('there is no reload to take back'),
    });
    const json = await onSocket('reload', '--abort', '--json');
    expect([json.status, JSON.parse(json.stdout)]).toEqual([1, { outcomes: [nothing] }]);
  });

  test('reload --config tells each pool that changed, or that nothing has', async () => {
    await server.open();
    expect(await onSocket('reload', '--config')).toEqual({
      status: 0,
      stdout: 'nothing has changed\n',
      stderr: '',
    });
    commands.work = async () => [outcome({ pool: 'api', message: 'added: running with 2 workers' })];
    expect((await onSocket('reload', '--config')).stdout).toBe('api: added: running with 2 workers\n');
    expect(commands.asked).toEqual(['reconfigure', 'reconfigure']);
  });

  test('reload --config tells what counts only from the next start', async () => {
    commands.notes = ['settings in [daemon] have changed'];
    await server.open();
    expect(await onSocket('reload', '--config')).toEqual({
      status: 0,
      stdout: 'settings in [daemon] have changed\n',
      stderr: '',
    });
    const json = await onSocket('reload', '--config', '--json');
    expect(JSON.parse(json.stdout)).toEqual({ outcomes: [], notes: ['settings in [daemon] have changed'] });
  });

  test.each([
    ['whose configuration has problems', { isMisconfigured: true }, 78],
    ['that could not be reloaded', {}, 1],
  ])('reload --config with a pool %s exits with its own status', async (_case, kind, expected) => {
    commands.work = async () => [outcome({ isDone: false, message: 'goes on as it was', ...kind })];
    await server.open();
    const { status, stderr } = await onSocket('reload', '--config');
    expect([status, stderr]).toEqual([expected, 'web: goes on as it was\n']);
  });

  test('reload --config of an invalid configuration exits with 78 and shows every problem', async () => {
    commands.work = () =>
      Promise.reject(new RunfcgidError('CONFIG_INVALID', 'a.toml:1: bad\nb.toml:2: worse'));
    await server.open();
    expect(await onSocket('reload', '--config')).toEqual({
      status: 78,
      stdout: '',
      stderr: 'fcgictl: a.toml:1: bad\nb.toml:2: worse\n',
    });
  });

  test('the configuration that tells where the daemon is goes before the command, or is called -c', async () => {
    const config = join(directory, 'runfcgid.toml');
    writeFileSync(config, `[daemon]\nruntime_dir = "${directory}"\n`);
    await server.open();
    expect((await fcgictl('--config', config, 'reload', '--config')).status).toBe(0);
    expect((await fcgictl('reload', '-c', config, '--config')).status).toBe(0);
    expect((await fcgictl('status', '--config', config)).status).toBe(0);
    expect(commands.asked).toEqual(['reconfigure', 'reconfigure']);
    const mistaken = await onSocket('reload', '--config', config);
    expect(mistaken.status).toBe(64);
    expect(mistaken.stderr).toContain('takes no pools');
  });

  test('restart --hard is asked for as one thing', async () => {
    await server.open();
    expect(await onSocket('restart', '--hard')).toMatchObject({
      status: 0,
      stdout: 'web: running with 2 workers\napi: running with 2 workers\n',
    });
    expect(commands.asked).toEqual(['restart by stop all']);
    expect((await onSocket('restart', '--hard', 'nope')).status).toBe(64);
  });

  test('scale changes the number of workers of one pool', async () => {
    await server.open();
    expect(await onSocket('scale', 'web', '3')).toMatchObject({ status: 0 });
    expect(commands.asked).toEqual(['scale 3 web']);
    expect((await onSocket('scale', 'nope', '3')).status).toBe(64);
  });

  test('status shows a refused reload and still exits with 0', async () => {
    const refusedReload = { at: '2026-01-01T02:00:00.000Z', reason: 'it died', output: ['boom'] };
    commands.pools = [poolSnapshot({ refusedReload })];
    await server.open();
    const { status, stdout } = await onSocket('status');
    expect(status).toBe(0);
    expect(stdout).toContain('web: reload refused 5m ago (2026-01-01T02:00:00.000Z): it died\n');
  });
});

describe('fcgictl check', () => {
  test('exits with 0 and names the pools when nothing is wrong', async () => {
    const config = join(directory, 'runfcgid.toml');
    writeFileSync(
      config,
      `[daemon]\nruntime_dir = "${directory}"\n[pools.web]\ncommand = ["/bin/cat"]\ndirectory = "/"\nlisten = "${directory}/web.sock"\n`,
    );
    const { status, stdout } = await fcgictl('check', config);
    expect(stdout).toMatch(/No problems\. Pools: web \(proof: accept\)\.\n$/);
    expect(status).toBe(0);
  });

  test('exits with 78 and tells every problem, in words and in JSON', async () => {
    const config = join(directory, 'runfcgid.toml');
    writeFileSync(
      config,
      `[daemon]\nruntime_dir = "${directory}"\n[pools.web]\nwrokers = 1\n[pools.api]\ncommand = ["/no/such"]\ndirectory = "/"\nlisten = "${directory}/api.sock"\n`,
    );
    const words = await fcgictl('--config', config, 'check');
    expect([words.status, words.stderr]).toEqual([78, '']);
    expect(words.stdout).toContain('"workers"');
    expect(words.stdout).toContain('/no/such');
    const json = await fcgictl('check', config, '--json');
    expect(json.status).toBe(78);
    expect(JSON.parse(json.stdout).findings).toContainEqual(
      expect.objectContaining({ severity: 'problem', pool: 'api' }),
    );
    expect(JSON.parse(json.stdout).findings).toContainEqual({
      severity: 'problem',
      pool: 'web',
      key: 'wrokers',
      file: config,
      line: 4,
      column: 1,
      message: expect.stringContaining(`${config}:4:1: pools.web.wrokers: `),
    });
    expect(words.stdout).toContain(`problem: ${config}:4:1: pools.web.wrokers: `);
    writeFileSync(config, `[daemon]\nruntime_dri = "${directory}"\n`);
    const ofDaemon = await fcgictl('check', config, '--json');
    expect(JSON.parse(ofDaemon.stdout).findings).toMatchObject([
      { severity: 'problem', key: 'daemon.runtime_dri', file: config, line: 2, column: 1 },
    ]);
    writeFileSync(config, '[daemon]\nruntime_dir = "x\n');
    const broken = await fcgictl('check', config, '--json');
    expect(broken.status).toBe(78);
    expect(JSON.parse(broken.stdout).findings).toMatchObject([
      {
        severity: 'problem',
        key: '',
        file: config,
        line: 2,
        message: expect.stringContaining('is not TOML'),
      },
    ]);
    expect((await fcgictl('check', '/nowhere.toml')).status).toBe(78);
  });

  test('asks for a file when it is given a directory', async () => {
    const { status, stderr } = await fcgictl('check', directory);
    expect(status).toBe(78);
    expect(stderr).toContain(`It is a directory; name a file, such as ${directory}/runfcgid.toml.`);
  });
});

describe('the command line', () => {
  test.each([
    ['a command that is misspelt', ['statsu'], 'Did you mean status?'],
    ['an option that is misspelt', ['status', '--jsno'], 'Did you mean --json?'],
    ['the word of another program', ['kill', 'web'], '\'kill\'; "fcgictl stop --now" does that\n'],
    ['help for no command', ['help', 'statsu'], "fcgictl: unknown command 'statsu'\n"],
    ['a bad duration', ['stop', '--timeout', 'soon'], 'fcgictl: --timeout "soon": expected a duration'],
    ['a missing pool', ['gateway'], "missing required argument 'pool'"],
    ['a bad address', ['gateway', 'web', '--http', 'here'], 'For example: --http 127.0.0.1:8000'],
    ['half a folder', ['gateway', 'web', '--static', '/static/'], '--static PREFIX=DIR'],
    ['no number', ['scale', 'web', 'many'], 'fcgictl: workers "many": expected a number from 1 to 1024'],
    ['no worker at all', ['scale', 'web', '0'], 'expected a number from 1 to 1024'],
    ['a missing number', ['scale', 'web'], "missing required argument 'workers'"],
    ['two reloads in one', ['reload', '--abort', '--config'], 'cannot be used with'],
    ['nothing', [], 'Usage: fcgictl'],
  ])('%s is refused with help and status 64', async (_case, args, words) => {
    const { status, stdout, stderr } = await fcgictl(...args);
    expect([status, stdout]).toEqual([64, '']);
    expect(stderr).toContain(words);
  });

  test('help and version are results', async () => {
    const help = await fcgictl('--help');
    expect([help.status, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toMatch(/^ {2}restart \[pool\.\.\.\] +restart pools/m);
    const stop = await fcgictl('stop', '--help');
    expect(stop.stdout).toContain('--keep-daemon');
    expect(stop.stdout).toContain('--timeout <duration>');
    expect((await fcgictl('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each(['fcgictl.js', 'runfcgid.js'])('%s of a checkout that is not built says so', async (program) => {
    const bin = join(directory, 'bin');
    cpSync(new URL('../../../bin', import.meta.url), bin, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    const unbuilt = await new Promise<string>((resolve) =>
      execFile(join(bin, program), ['status'], (error, _, stderr) => resolve(`${error?.code} ${stderr}`)),
    );
    expect(unbuilt).toMatch(/^69 \w+ is not built yet: run "npm ci && npm run build"/);
  });

  test('a reader that has had enough is no failure', async () => {
    await server.open();
    const child = spawn(process.execPath, [ctl.path, '--socket', socket, 'status'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let complaint = '';
    child.stderr.on('data', (chunk) => {
      complaint += chunk;
    });
    expect([(await once(child, 'close'))[0], complaint]).toEqual([0, '']);
  });
});
