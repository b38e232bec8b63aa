import { RunfcgidError } from '../errors.ts';
import { onChildExit } from '../host/child-exits.ts';
import type { Clock } from '../host/clock.ts';
import { randomHex } from '../host/kernel/random.ts';
import type { Log } from '../host/log.ts';
import { readProcess } from '../host/process-table.ts';
import type { ExitStatus } from './exit-reason.ts';
import { ForkServer } from './fork-server.ts';
import type { ForkServerMessage } from './fork-server-channel.ts';
import { ForkedProcess } from './forked-process.ts';
import type { ForkingLauncher, LaunchRequest, TreeProcess, WorkerProcess } from './launcher.ts';
import { noProcess } from './no-process.ts';
import { readForked } from './parentage.ts';
import { killStrays } from './strays.ts';
import { toExitStatus } from './wait-status.ts';
import { WorkerStdio } from './worker-stdio.ts';

export interface ForkLauncherOptions {
  /** The pool, for the marker and the log. */
  readonly pool: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A fork server runs, or has ended; `marker` is in the environment of its whole tree. */
  readonly onServerStarted: (server: TreeProcess, marker: string) => void;
  readonly onServerEnded: (server: TreeProcess) => void;
}

const lossMeaning = 'its workers serve on, and a new generation follows when one of them ends';

/**
 * Launches the workers of one generation by forking them from a process that has loaded the application: the first
 * launch starts it, the others wait for it or are there at once. A worker gets the same descriptors as one that was
 * executed, by message, and speaks for itself from then on; the fork server tells only its pid and its end. When the
 * fork server dies the workers live on as children of ours.
 */
export class ForkLauncher implements ForkingLauncher {
  readonly #options: ForkLauncherOptions;
  readonly #processes = new Map<number, ForkedProcess>();
  #server: ForkServer | undefined;
  #lastId = 0;
  #isLost = false;
  #isOver = false;
  #marker = '';
  /** Of a worker about which the fork server lied: it is killed for that, and what it has forked with it. */
  #disowned: readonly string[] = [];

  constructor(options: ForkLauncherOptions) {
    this.#options = options;
  }

  get serverPid(): number | undefined {
    return this.#server?.root?.pid;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get warnings(): readonly string[] {
    return this.#server?.warnings ?? [];
  }

  launch(request: LaunchRequest): WorkerProcess {
    const id = ++this.#lastId;
    const process = this.#createProcess(id, request);
    if (process === undefined) return noProcess;
    this.#processes.set(id, process);
    this.#server ??= this.#startServer(request);
    if (this.#server?.isReady) this.#ask(this.#server, id, process);
    return process;
  }

  end(): void {
    this.#isOver = true;
    this.#server?.close();
  }

  #createProcess(id: number, request: LaunchRequest): ForkedProcess | undefined {
    try {
      return new ForkedProcess({
        request,
        stdio: new WorkerStdio(request.plan),
        clock: this.#options.clock,
        onCancelled: () => this.#cancelled(id),
        onOverdue: () => this.#server?.kill(),
      });
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      queueMicrotask(() => request.onSpawnFailed(error));
      return undefined;
    }
  }

  /** `undefined`: it could not be started, which is told to all who wait for it. */
  #startServer({ plan }: LaunchRequest): ForkServer | undefined {
    const { pool, clock, log, onServerStarted } = this.#options;
    const worker = `${pool}/fork-server`;
    // Longer than that of any worker, which a worker puts in its place in its own memory.
    this.#marker = `${worker}:${randomHex(16)}`;
    const marker = this.#marker;
    try {
      const server = new ForkServer({
        plan,
        marker,
        clock,
        onSpawned: (root) => onServerStarted(root, marker),
        onSpawnFailed: (error) => this.#failAll(error),
        onMessage: (message) => this.#hear(message),
        onLine: (stream, line) =>
          log.info({ event: 'worker.output', worker, pid: this.serverPid, stream }, line),
        onExit: (exit) => this.#serverEnded(exit),
      });
      this.#isLost = false;
      return server;
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      queueMicrotask(() => this.#failAll(error));
      return undefined;
    }
  }

  #ask(server: ForkServer, id: number, process: ForkedProcess): void {
    const { request, stdio } = process;
    process.noteAsked();
    server.spawn(id, request.marker, [request.listenFd, ...stdio.workerEnds], () => stdio.closeWorkerEnds());
  }

  #hear(message: ForkServerMessage): void {
    switch (message.event) {
      case 'ready':
        this.#askForAll();
        break;
      case 'spawned':
        this.#spawned(message.id, message.pid);
        break;
      case 'spawn-failed':
        this.#spawnFailed(message.id, message.message);
        break;
      case 'exited':
        this.#exited(message.pid, message.exit);
        break;
      case 'warning':
        this.#options.log.warn({ event: 'fork-server.warning', pid: this.serverPid }, message.message);
        break;
      case 'load-failed': // told when it has ended
    }
  }

  #askForAll(): void {
    for (const [id, process] of this.#processes) {
      if (process.standing === 'waiting' && this.#server !== undefined) this.#ask(this.#server, id, process);
    }
  }

  #spawned(id: number, pid: number): void {
    const process = this.#processes.get(id);
    if (process === undefined) return;
    const markers = [process.request.marker, this.#marker];
    const root = readForked(pid, { parent: this.serverPid, markers });
    if (root !== undefined) process.noteSpawned(root);
    else this.#disbelieve(id, process.request.marker, `the fork server is not the parent of ${pid}`);
  }

  #disbelieve(id: number, marker: string, why: string): void {
    this.#disowned = [marker];
    this.#spawnFailed(id, why);
    this.#server?.kill();
  }

  #spawnFailed(id: number, why: Error | string): void {
    const error = typeof why === 'string' ? new RunfcgidError('SPAWN_FAILED', why) : why;
    this.#processes.get(id)?.noteSpawnFailed(error);
    this.#processes.delete(id);
  }

  #exited(pid: number, exit: ExitStatus): void {
    for (const [id, process] of this.#processes) {
      if (process.pid !== pid) continue;
      this.#processes.delete(id);
      process.noteExited(exit);
    }
  }

  /** Nobody waits for it any more: a fork server that is still loading for nobody may hang. */
  #cancelled(id: number): void {
    this.#processes.get(id)?.request.onLastWords(this.#server?.lastWords ?? []);
    this.#processes.delete(id);
    if (this.#processes.size === 0 && !this.#server?.isReady) this.#server?.kill();
  }

  #failAll(error: Error): void {
    this.#server = undefined;
    for (const id of [...this.#processes.keys()]) this.#spawnFailed(id, error);
  }

  #serverEnded(exit: ExitStatus): void {
    const server = this.#server;
    const root = server?.root;
    if (server === undefined || root === undefined) return;
    this.#server = undefined;
    this.#options.onServerEnded(root);
    const reason = server.explain(exit);
    this.#noteEnd(server, root, reason);
    this.#sweep(root);
    for (const [id, process] of this.#processes) {
      if (process.root !== undefined) this.#adopt(process.root);
      else if (process.standing === 'waiting') this.#endUnborn(id, server, exit);
      else this.#spawnFailed(id, `what it was to be forked from has ended: ${reason}`);
    }
  }

  /** What could not load the application is told of by those who waited for it. */
  #noteEnd({ isReady }: ForkServer, { pid }: TreeProcess, reason: string): void {
    const { log } = this.#options;
    this.#isLost = isReady && !this.#isOver;
    const message = `the fork server has ended: ${reason}`;
    if (this.#isLost) log.warn({ event: 'fork-server.lost', pid }, `${message}; ${lossMeaning}`);
    else log.debug({ event: 'fork-server.ended', pid }, message);
  }

  /** It may have forked workers that it could not tell of, and the application may have started what it liked. */
  #sweep(parent: TreeProcess): void {
    const processes = [...this.#processes.values()];
    const asked = processes.filter(({ standing }) => standing === 'asked');
    killStrays({
      parent,
      markers: new Set([this.#marker, ...this.#disowned, ...asked.map(({ request }) => request.marker)]),
      known: new Set(processes.flatMap(({ pid }) => pid ?? [])),
    });
  }

  /** It was to be forked from a process that did not get so far. */
  #endUnborn(id: number, { loadFailure, lastWords }: ForkServer, exit: ExitStatus): void {
    const process = this.#processes.get(id);
    this.#processes.delete(id);
    if (loadFailure === undefined) process?.request.onLastWords(lastWords);
    else process?.request.onMessage(loadFailure);
    process?.noteExited(exit);
  }

  /** Its parent has ended, and it is a child of ours now: or has ended, and nobody can know how. */
  #adopt(root: TreeProcess): void {
    const { pid, startTime } = root;
    if (readProcess(pid)?.startTime === startTime) {
      onChildExit(pid, (exit) => this.#exited(pid, toExitStatus(exit)));
    } else {
      this.#exited(pid, { kind: 'unknown' });
    }
  }
}
