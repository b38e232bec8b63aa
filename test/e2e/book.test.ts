import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { demoDirectory, demoEnvironment, demoPool, systemPython } from '../helpers/demo-site.ts';
import { freePort } from '../helpers/free-port.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { collect, ended, finish } from '../helpers/program.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

/*
 * The three examples of chapter 12 of the Django Book: a threaded server on a TCP port, a preforked one on a Unix
 * socket with a pidfile, and one in the foreground.
 */

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

async function factsFrom(upstream: string): Promise<Record<string, unknown>> {
  const { url } = await startNginx(workspace, upstream);
  const { status, body } = await ask(`${url}/worker.json`);
  expect(status).toBe(200);
  return JSON.parse(body.toString());
}

describe('as pools', () => {
  test('threaded on a TCP port', async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    const pool = demoPool(workspace, listen, 'method = "threaded"', 'workers = 1');
    await TestDaemon.start(workspace, writeConfig(workspace, pool));
    expect(await factsFrom(listen)).toMatchObject({ multithread: true, settings: 'settings.production' });
  });

  test('prefork on a Unix socket, with a pidfile that stops it', async () => {
    const listen = `unix:${workspace.file('mysite.sock')}`;
    const pool = demoPool(workspace, listen, 'method = "prefork"', 'workers = 2');
    const pidfile = workspace.file('mysite.pid');
    const config = writeConfig(workspace, pool, `pidfile = "${pidfile}"`);
    const daemon = await TestDaemon.start(workspace, config);
    expect(await factsFrom(listen)).toMatchObject({ multithread: false, multiprocess: true });
    process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGTERM');
    expect(await daemon.ended()).toBe(0);
    expect(existsSync(pidfile)).toBe(false);
  });

  test('in the foreground, until Ctrl-C', async () => {
    const listen = `unix:${workspace.file('mysite.sock')}`;
    const pool = demoPool(workspace, listen, 'method = "threaded"', 'workers = 1');
    const daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
    expect(await factsFrom(listen)).toMatchObject({ multithread: true });
    daemon.signal('SIGINT');
    expect(await daemon.ended()).toBe(0);
  });
});

const commands = [
  {
    name: 'python -m runfcgi',
    words: [systemPython, '-m', 'runfcgi', `project=${demoDirectory}`, 'settings=settings.production'],
  },
  {
    name: 'manage.py runfcgi',
    words: [systemPython, 'manage.py', 'runfcgi', '--settings=settings.production'],
  },
] as const;

describe.each(commands)('stand-alone with $name', ({ words }) => {
  const cwd = demoDirectory;
  let environment: NodeJS.ProcessEnv;

  beforeEach(() => {
    environment = { ...process.env, ...demoEnvironment(workspace), PYTHONPATH: `${repository}/python` };
  });

  /** What the book does to stop a site: kill `cat pidfile`. */
  async function stopByPidfile(pidfile: string): Promise<void> {
    const pid = Number(readFileSync(pidfile, 'utf8'));
    process.kill(pid, 'SIGTERM');
    await until(() => workspace.processes().every((other) => other.pid !== pid));
    expect(existsSync(pidfile)).toBe(false);
  }

  test('threaded on a TCP port, in the background', async () => {
    const pidfile = workspace.file('mysite.pid');
    const [host, port] = ['127.0.0.1', await freePort()];
    const started = await finish(
      [...words, 'method=threaded', `host=${host}`, `port=${port}`, `pidfile=${pidfile}`],
      { cwd, environment },
    );
    expect(started).toMatchObject({ status: 0, stdout: '' });
    const facts = await factsFrom(`${host}:${port}`);
    expect(facts).toMatchObject({ multithread: true, settings: 'settings.production' });
    await stopByPidfile(pidfile);
  });

  test('prefork on a Unix socket with a pidfile, in the background', async () => {
    const pidfile = workspace.file('mysite.pid');
    const socket = workspace.file('mysite.sock');
    const started = await finish([...words, 'method=prefork', `socket=${socket}`, `pidfile=${pidfile}`], {
      cwd,
      environment,
    });
    expect(started).toMatchObject({ status: 0, stdout: '' });
    expect(statSync(socket).isSocket()).toBe(true);
    expect(await factsFrom(`unix:${socket}`)).toMatchObject({ multiprocess: true });
    await stopByPidfile(pidfile);
    expect(existsSync(socket)).toBe(false);
  });

  test('in the foreground, until Ctrl-C', async () => {
    const socket = workspace.file('mysite.sock');
    const [program, ...args] = words;
    const site = spawn(program, [...args, 'method=prefork', `socket=${socket}`, 'daemonize=false'], {
      cwd,
      env: environment,
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    const said = collect(site.stderr);
    workspace.onClose(() => {
      site.kill('SIGTERM');
      return ended(site, 60_000);
    });
    await until(() => said().includes(`serving on unix:${socket}`));
    expect(await factsFrom(`unix:${socket}`)).toMatchObject({ multiprocess: true });
    site.kill('SIGINT');
    await ended(site, 60_000);
    expect([site.exitCode, existsSync(socket)]).toEqual([0, false]);
  });
});
