import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { bindSocket, closeDescriptor, listenOn, openStreamSocket } from '../../../src/host/kernel/sockets.ts';
import { readEnvironmentVariable, readProcess, readProcessTable } from '../../../src/host/process-table.ts';
import { ForkServers } from '../../../src/workers/fork-servers.ts';
import type { ForkingLauncher } from '../../../src/workers/launcher.ts';
import { markerVariable } from '../../../src/workers/process-tree.ts';
import { Reaper } from '../../../src/workers/reaper.ts';
import { readLedger, WorkerLedger } from '../../../src/workers/worker-ledger.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { reserveOf } from './forked-site.ts';
import { LaunchedWorker, nameOf, planOf, until } from './launched-worker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'runfcgid-forks-'));
const socket = join(scratch, 'site.sock');
const ledgerFile = join(scratch, 'workers.json');
const run = promisify(execFile);
const reaper = new Reaper(systemClock, () => undefined);
const log = new FakeLog();
let servers: ForkServers;
let forks: ForkingLauncher;
let listenFd: number;

beforeAll(() => {
  reaper.start();
  return () => reaper.stop();
});

beforeEach(() => {
  servers = new ForkServers({ clock: systemClock, ledger: new WorkerLedger(ledgerFile, log) });
  forks = servers.createLauncher('site', log);
  listenFd = openStreamSocket('unix', 'blocking');
  bindSocket(listenFd, { kind: 'unix', path: socket });
  listenOn(listenFd, 64);
});

afterEach(async () => {
  await LaunchedWorker.cleanUp();
  forks.end();
  await servers.ended();
  closeDescriptor(listenFd);
  rmSync(socket);
  await until(() => readLedger(ledgerFile).workers.length === 0, 'nobody in the ledger');
  rmSync(ledgerFile, { force: true });
});

afterAll(() => rmSync(scratch, { recursive: true }));

const answering = `
import os, subprocess, sys
print("loaded by", os.getpid(), flush=True)
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/speak": print("spoken by", os.getpid(), flush=True)
    if path == "/exit": os._exit(3)
    if path == "/leave":
        subprocess.Popen(["setsid", "-f", "sleep", "60"])
        if os.fork() == 0:
            if os.fork() > 0: os._exit(0)
            os.setsid()
            os.execv("/bin/sleep", ["sleep", "60"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
`;

function launch(source = answering): LaunchedWorker {
  writeFileSync(join(scratch, 'shop.py'), source);
  const argv = [
    '/usr/bin/python3',
    '-B',
    '-m',
    'runfcgi',
    'application=shop',
    `directory=${scratch}`,
  ] as const;
  const plan = planOf(argv, {
    environment: { PATH: '/usr/bin:/bin', PYTHONPATH: resolve('python') },
    engine: { threads: 1, isPreloaded: true },
  });
  return new LaunchedWorker(plan, forks, listenFd, { isListenerShared: true });
}

async function ready(worker: LaunchedWorker): Promise<LaunchedWorker> {
  await worker.ready();
  return worker;
}

/** The pid that a worker answers. */
async function ask(path = '/'): Promise<number> {
  const env = { PATH: '/usr/bin:/bin', REQUEST_METHOD: 'GET', PATH_INFO: path, SCRIPT_FILENAME: '/' };
  const { stdout } = await run('cgi-fcgi', ['-bind', '-connect', socket], { env, timeout: 30_000 });
  return Number(stdout.slice(stdout.indexOf('\r\n\r\n') + 4));
}

function serverPid(): number {
  if (forks.serverPid === undefined) throw new Error('there is no fork server');
  return forks.serverPid;
}

function killServer(): void {
  process.kill(serverPid(), 'SIGKILL');
}

const loads = (): readonly string[] =>
  log.lines.map(({ message }) => message).filter((message) => message.startsWith('loaded by'));

describe('workers are forked from a process that has loaded the application', () => {
  test('once for all of them, and for those that follow', async () => {
    log.lines.length = 0;
    const workers = await Promise.all([launch(), launch(), launch()].map(ready));
    expect(loads()).toEqual([`loaded by ${forks.serverPid}`]);
    for (const { pid } of workers) expect(readProcess(pid)?.parent).toBe(forks.serverPid);
    expect(workers.map(({ pid }) => pid)).toContain(await ask());
    const next = await ready(launch());
    expect(readProcess(next.pid)?.parent).toBe(forks.serverPid);
    expect(loads()).toHaveLength(1);
  });

  test('each with its output, its end and its status', async () => {
    const worker = await ready(launch());
    expect(await ask('/speak')).toBe(worker.pid);
    await until(() => worker.lines.includes(`spoken by ${worker.pid}`), 'the line');
    await ask('/exit').catch(() => undefined);
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 3 });
    const other = await ready(launch());
    expect(other.process.killTree()).toBe(1);
    expect(await other.ended()).toEqual({ kind: 'signaled', signal: 'SIGKILL' });
    const third = await ready(launch());
    expect(third.process.signal('SIGTERM')).toBe(true);
    expect(await third.ended()).toEqual({ kind: 'exited', code: 0 });
    expect(third.process.signal('SIGTERM')).toBe(false);
  });

  test('each with its descendants, wherever they went', async () => {
    const [worker, other] = [await ready(launch()), await ready(launch())];
    other.process.signal('SIGTERM');
    await other.ended();
    expect(await ask('/leave')).toBe(worker.pid);
    const isAsleep = (pid: number): boolean => nameOf(pid) === 'sleep';
    await until(() => {
      const pids = worker.tree().map(({ pid }) => pid);
      return pids.length === 3 && pids.filter(isAsleep).length === 2;
    }, 'a tree of three, without those that led to it');
    expect(worker.process.killTree()).toBe(3);
    await until(() => worker.tree().length === 0, 'the end of the tree');
  });

  test('and leave nothing open after 30 lives', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    await ready(launch());
    await reserveOf(serverPid);
    const before = open();
    for (let round = 0; round < 30; round += 1) {
      const worker = await ready(launch());
      worker.process.killTree();
      await worker.ended();
    }
    await reserveOf(serverPid);
    await until(() => open() <= before, 'as few descriptors as before');
  });

  test('and are in the ledger together with it', async () => {
    const worker = await ready(launch());
    await until(() => readLedger(ledgerFile).workers.length === 2, 'both in the ledger');
    expect(readLedger(ledgerFile).workers.map(({ pid }) => pid)).toEqual([forks.serverPid, worker.pid]);
    expect(readLedger(ledgerFile).workers.map(({ pool }) => pool)).toEqual(['site', 'test']);
  });
});

describe('a fork server that is killed', () => {
  test('leaves workers that serve on, and whose end is told', async () => {
    const workers = await Promise.all([launch(), launch()].map(ready));
    killServer();
    await until(() => forks.isLost, 'the loss');
    expect(workers.map(({ pid }) => pid)).toContain(await ask());
    for (const { pid } of workers) expect(readProcess(pid)?.parent).toBe(process.pid);
    const [first, second] = workers as [LaunchedWorker, LaunchedWorker];
    first.process.signal('SIGTERM');
    expect(await first.ended()).toEqual({ kind: 'exited', code: 0 });
    second.process.killTree();
    expect(await second.ended()).toEqual({ kind: 'signaled', signal: 'SIGKILL' });
    await until(() => readProcess(second.pid) === undefined, 'the reaping');
  });

  test('is followed by another when a worker is wanted', async () => {
    log.lines.length = 0;
    await ready(launch());
    killServer();
    await until(() => forks.isLost, 'the loss');
    const worker = await ready(launch());
    expect(forks.isLost).toBe(false);
    expect(readProcess(worker.pid)?.parent).toBe(forks.serverPid);
    expect(loads()).toHaveLength(2);
  });

  test('while it is stopped and owes a worker: what it owed does not come', async () => {
    await ready(launch());
    const server = serverPid();
    process.kill(server, 'SIGSTOP');
    const worker = launch();
    worker.process.signal('SIGTERM');
    expect(worker.calls).toEqual([]);
    worker.process.killTree();
    await until(() => worker.spawnError !== undefined, 'the news');
    expect(worker.spawnError?.message).toContain('has ended: killed by SIGKILL');
    expect(readProcess(server)).toBeUndefined();
  });
});

describe('a fork server that is not believed', () => {
  test('because it is stopped: that a worker has ended is told all the same', async () => {
    const workers = [await ready(launch()), await ready(launch())] as const;
    const server = serverPid();
    process.kill(server, 'SIGSTOP');
    workers[0].process.killTree();
    expect(await workers[0].ended()).toEqual({ kind: 'signaled', signal: 'SIGKILL' });
    expect(readProcess(server)).toBeUndefined();
    expect(await ask()).toBe(workers[1].pid);
  });

  test('because it names a process that it has not forked, which is left in peace', async () => {
    const victim = spawn('sleep', ['60']);
    const message = JSON.stringify({ event: 'spawned', id: 1, pid: victim.pid });
    const lies = `import os\nos.register_at_fork(after_in_parent=lambda: os.write(3, b'${message}\\n'))`;
    const worker = launch(`${lies}\n${answering}`);
    await until(() => worker.spawnError !== undefined, 'the refusal');
    expect(worker.spawnError?.message).toBe(`the fork server is not the parent of ${victim.pid}`);
    await servers.ended();
    const marked = (): readonly number[] =>
      [...readProcessTable().keys()].filter(
        (pid) => readEnvironmentVariable(pid, markerVariable) === worker.marker,
      );
    await until(() => marked().length === 0, 'the end of what was forked all the same');
    expect(victim.kill('SIGTERM')).toBe(true);
    expect(await once(victim, 'exit')).toEqual([null, 'SIGTERM']);
  });
});

describe('an application that cannot be loaded', () => {
  test('is told to all who wait, with its traceback', async () => {
    const workers = [launch('import nowhere_to_be_found'), launch('import nowhere_to_be_found')];
    for (const worker of workers) {
      expect(await worker.ended()).toEqual({ kind: 'exited', code: 1 });
      expect(worker.messages).toEqual([
        {
          event: 'load-failed',
          message: expect.stringContaining('nowhere_to_be_found'),
          traceback: expect.stringContaining('shop.py'),
        },
      ]);
    }
    expect(forks.isLost).toBe(false);
  });

  test('and ends the process is told with the last lines', async () => {
    const worker = launch('import os\nprint("no licence", flush=True)\nos._exit(7)');
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 7 });
    expect(worker.lastWords).toEqual(['no licence']);
  });

  test('and hangs ends when nobody waits for it any more', async () => {
    const source = 'import time\nprint("waiting", flush=True)\ntime.sleep(600)';
    const workers = [launch(source), launch(source)];
    await until(() => log.lines.some(({ message }) => message === 'waiting'), 'the line');
    const server = serverPid();
    for (const worker of workers) {
      expect(readProcess(server)).toBeDefined();
      worker.process.killTree();
      expect(await worker.ended()).toEqual({ kind: 'signaled', signal: 'SIGKILL' });
      expect(worker.lastWords).toEqual(['waiting']);
    }
    await until(() => readProcess(server) === undefined, 'the end of the fork server');
  });

  test('because there is no such interpreter', async () => {
    const worker = new LaunchedWorker(
      planOf(['/no/such/python'], { engine: { threads: 1, isPreloaded: true } }),
      forks,
      listenFd,
      { isListenerShared: true },
    );
    await until(() => worker.spawnError !== undefined, 'the news');
    expect(worker.spawnError?.message).toContain('/no/such/python');
  });
});

test('whatever an application has started while it was loaded ends with the fork server', async () => {
  const source = `import subprocess
subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & wait"])
subprocess.Popen(["sh", "-c", "setsid sleep 60 &"])`;
  await ready(launch(`${source}\n${answering}`));
  const server = serverPid();
  const marker = readEnvironmentVariable(server, markerVariable);
  const left = (): readonly number[] =>
    [...readProcessTable().keys()].filter(
      (pid) => pid !== server && readEnvironmentVariable(pid, markerVariable) === marker,
    );
  // A shell with two of them, and a process that waits to become a worker, are there as well.
  await until(() => left().filter((pid) => nameOf(pid) === 'sleep').length === 3, 'three that sleep');
  forks.end();
  await servers.ended();
  await until(() => left().length === 0, 'their end');
});

test('a fork server ends when it is not needed any more, and no worker with it', async () => {
  const worker = await ready(launch());
  const server = serverPid();
  forks.end();
  await servers.ended();
  expect(readProcess(server)).toBeUndefined();
  expect(await ask()).toBe(worker.pid);
});
