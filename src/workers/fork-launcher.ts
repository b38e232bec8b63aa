import { RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { ExitStatus } from './exit-reason.ts';
import { ForkServer } from './fork-server.ts';
import { type ForkServerMessage, spawnCommand } from './fork-server-channel.ts';
import { ForkedProcess } from './forked-process.ts';
import { ForkedProcesses } from './forked-processes.ts';
import type { ForkingLauncher, LaunchRequest, TreeProcess, WorkerProcess } from './launcher.ts';
import { newMarker } from './marker.ts';
import { noProcess } from './no-process.ts';
import { readForked } from './parentage.ts';
import type { Reserve } from './reserve.ts';
import { Standby } from './standby.ts';
import { killStrays } from './strays.ts';
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
 * executed, by message, and speaks for itself from then on; the fork server tells only its pid and its end. One process
 * is forked ahead of time, and is made the next worker without the fork server. When that dies the workers live on as
 * children of ours.
 */
export class ForkLauncher implements ForkingLauncher {
  readonly #options: ForkLauncherOptions;
  readonly #standby: Standby;
  readonly #processes = new ForkedProcesses();
  #server: ForkServer | undefined;
  #lastId = 0;
  #isLost = false;
  #isOver = false;
  #marker = '';
  /** Of a worker about which the fork server lied: it is killed for that, and what it has forked with it. */
  #disowned: readonly string[] = [];

  constructor(options: ForkLauncherOptions) {
    this.#options = options;
    this.#standby = new Standby({
      clock: options.clock,
      nextId: () => ++this.#lastId,
      ask: ({ command }) => this.#server?.ask(command),
    });
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
    const reserve = this.#standby.launch(request);
    if (reserve?.root !== undefined) return this.#take(reserve, reserve.root, request);
    const id = ++this.#lastId;
    const process = this.#createProcess(id, request);
    if (process === undefined) return noProcess;
    this.#processes.add(id, process);
    this.#server ??= this.#startServer(request);
    if (this.#server?.isReady) this.#ask(this.#server, id, process);
    return process;
  }

  end(): void {
    this.#isOver = true;
    this.#standby.end(() => this.#server?.close());
  }

  /** What was a reserve is on its way already. */
  #take(reserve: Reserve, root: TreeProcess, request: LaunchRequest): WorkerProcess {
    const process = this.#processOf(reserve.id, request, reserve.stdio);
    this.#processes.add(reserve.id, process);
    process.noteAsked();
    process.noteSpawned(root);
    this.#standby.noteLaunched(request.plan);
    return process;
  }

  #processOf(id: number, request: LaunchRequest, stdio: WorkerStdio): ForkedProcess {
    return new ForkedProcess({
      request,
      stdio,
      clock: this.#options.clock,
      onCancelled: () => this.#cancelled(id),
      onOverdue: () => this.#server?.kill(),
    });
  }

  #createProcess(id: number, request: LaunchRequest): ForkedProcess | undefined {
    try {
      return this.#processOf(id, request, new WorkerStdio(request.plan));
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
    this.#marker = newMarker(worker);
    const marker = this.#marker;
    try {
      const server = new ForkServer({
        plan,
        marker,
        clock,
        onSpawned: (root) => onServerStarted(root, marker),
        onSpawnFailed: (error) => this.#failAll(error),
        onMessage: (message) => this.#hear(message),
        onLine: (stream, line) => log.output({ worker, pid: this.serverPid, stream }, line),
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
    server.ask({
      bytes: spawnCommand(id, request.marker),
      descriptors: [request.listenFd, ...stdio.workerEnds],
      onSent: () => stdio.closeWorkerEnds(),
    });
    this.#standby.noteLaunched(request.plan);
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
    for (const [id, process] of this.#processes.withStanding('waiting')) {
      if (this.#server !== undefined) this.#ask(this.#server, id, process);
    }
  }

  #spawned(id: number, pid: number): void {
    const process = this.#processes.get(id);
    if (process === undefined && !this.#standby.isAwaiting(id)) return;
    const own = process === undefined ? [] : [process.request.marker];
    const root = readForked(pid, { parent: this.serverPid, markers: [...own, this.#marker] });
    if (root === undefined) this.#disbelieve(id, own, `the fork server is not the parent of ${pid}`);
    else if (process === undefined) this.#standby.noteSpawned(root);
    else process.noteSpawned(root);
  }

  #disbelieve(id: number, markers: readonly string[], why: string): void {
    this.#disowned = markers;
    this.#spawnFailed(id, why);
    this.#server?.kill();
  }

  #spawnFailed(id: number, why: string): void {
    this.#standby.noteSpawnFailed(id);
    this.#processes.fail(id, new RunfcgidError('SPAWN_FAILED', why));
  }

  #exited(pid: number, exit: ExitStatus): void {
    this.#standby.noteExited(pid);
    this.#processes.noteExited(pid, exit);
  }

  /** Nobody waits for it any more: a fork server that is still loading for nobody may hang. */
  #cancelled(id: number): void {
    this.#processes.take(id)?.request.onLastWords(this.#server?.lastWords ?? []);
    if (this.#processes.isEmpty && !this.#server?.isReady) this.#server?.kill();
  }

  #failAll(error: Error): void {
    this.#server = undefined;
    this.#processes.failAll(error);
  }

  #serverEnded(exit: ExitStatus): void {
    const server = this.#server;
    const root = server?.root;
    if (server === undefined || root === undefined) return;
    this.#server = undefined;
    this.#standby.drop();
    this.#options.onServerEnded(root);
    const reason = server.explain(exit);
    this.#noteEnd(server, root, reason);
    this.#sweep(root);
    this.#processes.orphan(reason, { exit, loadFailure: server.loadFailure, lastWords: server.lastWords });
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
    const asked = this.#processes.withStanding('asked').map(([, { request }]) => request.marker);
    const markers = new Set([this.#marker, ...this.#disowned, ...asked]);
    killStrays({ parent, markers, known: this.#processes.pids });
  }
}
