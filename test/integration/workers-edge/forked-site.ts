import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/host/clock.ts';
import { bindSocket, closeDescriptor, listenOn, openStreamSocket } from '../../../src/host/kernel/sockets.ts';
import { readEnvironmentVariable, readProcessTable } from '../../../src/host/process-table.ts';
import type { WorkerPlan } from '../../../src/plan/plan.ts';
import { ForkServers } from '../../../src/workers/fork-servers.ts';
import type { ForkingLauncher } from '../../../src/workers/launcher.ts';
import { markerVariable } from '../../../src/workers/process-tree.ts';
import { WorkerLedger } from '../../../src/workers/worker-ledger.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { LaunchedWorker, planOf, until } from './launched-worker.ts';

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
    await until(() => worker.messages.some(({ event }) => event === 'ready'), 'a ready worker', 20_000);
    return worker;
  }

  /** The pid of a worker that answers. */
  async ask(): Promise<number> {
    const env = { PATH: '/usr/bin:/bin', REQUEST_METHOD: 'GET', PATH_INFO: '/', SCRIPT_FILENAME: '/' };
    const { stdout } = await run('cgi-fcgi', ['-bind', '-connect', this.#socket], { env, timeout: 10_000 });
    return Number(stdout.slice(stdout.indexOf('\r\n\r\n') + 4));
  }

  get serverPid(): number {
    if (this.forks.serverPid === undefined) throw new Error('there is no fork server');
    return this.forks.serverPid;
  }

  /** Processes with the mark of the fork server, but for itself. */
  reserves(): readonly number[] {
    const { serverPid } = this;
    const mark = readEnvironmentVariable(serverPid, markerVariable);
    return [...readProcessTable().values()]
      .filter(({ pid, parent, state }) => pid !== serverPid && parent === serverPid && state === 'S')
      .filter(({ pid }) => readFileSync(`/proc/${pid}/comm`, 'utf8').endsWith('/next\n'))
      .map(({ pid }) => pid)
      .filter((pid) => readEnvironmentVariable(pid, markerVariable) === mark);
  }

  /** The pid of the one process that waits to become a worker, asleep. */
  async reserve(otherThan = 0): Promise<number> {
    let found: readonly number[] = [];
    await until(() => {
      found = this.reserves();
      return found.length === 1 && found[0] !== otherThan;
    }, 'a reserve');
    return Number(found[0]);
  }

  async close(): Promise<void> {
    await LaunchedWorker.cleanUp();
    this.forks.end();
    await this.servers.ended();
    closeDescriptor(this.listenFd);
    rmSync(this.#scratch, { recursive: true });
  }
}
