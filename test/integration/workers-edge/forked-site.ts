import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/host/clock.ts';
import { bindSocket, closeDescriptor, listenOn, openStreamSocket } from '../../../src/host/kernel/sockets.ts';
import { readEnvironmentVariable, readProcess, readProcessTable } from '../../../src/host/process-table.ts';
import type { WorkerPlan } from '../../../src/plan/plan.ts';
import { ForkServers } from '../../../src/workers/fork-servers.ts';
import type { ForkingLauncher } from '../../../src/workers/launcher.ts';
import { markerVariable } from '../../../src/workers/process-tree.ts';
import { WorkerLedger } from '../../../src/workers/worker-ledger.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { LaunchedWorker, nameOf, planOf, until } from './launched-worker.ts';

const run = promisify(execFile);

const answering = `
import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
`;

/** A site whose workers are forked, on a real socket. */
export class ForkedSite {
  readonly log = new FakeLog();
  readonly plan: WorkerPlan;
  readonly listenFd = openStreamSocket('unix', 'blocking');
  readonly servers: ForkServers;
  readonly forks: ForkingLauncher;
  readonly ledgerFile: string;
  readonly #scratch = mkdtempSync(join(tmpdir(), 'runfcgid-forked-'));
  readonly #socket = join(this.#scratch, 'site.sock');

  /** @param before Python that the application begins with. */
  constructor(before = '') {
    writeFileSync(join(this.#scratch, 'shop.py'), `${before}\n${answering}`);
    this.plan = this.createPlan();
    this.ledgerFile = join(this.#scratch, 'workers.json');
    this.servers = new ForkServers({
      clock: systemClock,
      ledger: new WorkerLedger(this.ledgerFile, this.log),
    });
    this.forks = this.servers.createLauncher('site', this.log);
    bindSocket(this.listenFd, { kind: 'unix', path: this.#socket });
    listenOn(this.listenFd, 64);
  }

  /** One more of the same. */
  createPlan(): WorkerPlan {
    const words = ['application=shop', `directory=${this.#scratch}`];
    return planOf(['/usr/bin/python3', '-B', '-m', 'runfcgi', ...words], {
      environment: { PATH: '/usr/bin:/bin', PYTHONPATH: resolve('python') },
      engine: { threads: 1, isPreloaded: true },
    });
  }

  launch(plan = this.plan): LaunchedWorker {
    return new LaunchedWorker(plan, this.forks, this.listenFd, { isListenerShared: true });
  }

  /** A worker that has said that it is ready. */
  async ready(worker = this.launch()): Promise<LaunchedWorker> {
    await worker.ready();
    return worker;
  }

  /** The pid of a worker that answers. */
  async ask(): Promise<number> {
    const env = { PATH: '/usr/bin:/bin', REQUEST_METHOD: 'GET', PATH_INFO: '/', SCRIPT_FILENAME: '/' };
    const { stdout } = await run('cgi-fcgi', ['-bind', '-connect', this.#socket], { env, timeout: 30_000 });
    return Number(stdout.slice(stdout.indexOf('\r\n\r\n') + 4));
  }

  get serverPid(): number {
    if (this.forks.serverPid === undefined) throw new Error('there is no fork server');
    return this.forks.serverPid;
  }

  /** The pid of the one process that waits to become a worker. */
  reserve(otherThan = 0): Promise<number> {
    return reserveOf(() => this.serverPid, otherThan);
  }

  async close(): Promise<void> {
    await LaunchedWorker.cleanUp();
    this.forks.end();
    await this.servers.ended();
    closeDescriptor(this.listenFd);
    rmSync(this.#scratch, { recursive: true });
  }
}

/** The pid of the one process of a fork server that waits to become a worker: asleep, and known to the launcher. */
export async function reserveOf(serverPid: () => number, otherThan = 0): Promise<number> {
  let found: readonly number[] = [];
  await until(() => {
    found = sleepingReserves(serverPid());
    return found.length === 1 && found[0] !== otherThan;
  }, 'a reserve');
  // A fork server that waits for its next command has told of the fork: that is heard in the next turns of the loop.
  await until(() => readProcess(serverPid())?.state === 'S', 'a fork server that has told of its reserve');
  for (let turns = 0; turns < 3; turns += 1) await turn();
  return Number(found[0]);
}

/** Processes with the mark of the fork server, but for itself. */
function sleepingReserves(serverPid: number): readonly number[] {
  const mark = readEnvironmentVariable(serverPid, markerVariable);
  return [...readProcessTable().values()]
    .filter(({ pid, parent, state }) => pid !== serverPid && parent === serverPid && state === 'S')
    .map(({ pid }) => pid)
    .filter((pid) => nameOf(pid)?.endsWith('/next') && readEnvironmentVariable(pid, markerVariable) === mark);
}
