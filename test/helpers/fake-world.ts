import { formatAddress, isOneSocket } from '../../src/config/address.ts';
import type { ListenPlan, PoolPlan } from '../../src/plan/plan.ts';
import type { PoolSurroundings, ProveAccept } from '../../src/pools/surroundings.ts';
import type { NewLead } from '../../src/sockets/drain.ts';
import type { Endpoint, ListenSocket } from '../../src/sockets/endpoint.ts';
import type { ExitStatus } from '../../src/workers/exit-reason.ts';
import type { ForkingLauncher, Launcher, LaunchRequest, WorkerProcess } from '../../src/workers/launcher.ts';
import type { ShownSlot } from '../../src/workers/scoreboard.ts';
import type { Scoreboard } from '../../src/workers/scoreboard-file.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeLog } from './fake-log.ts';

/** A process that does what a test tells it to. */
export class FakeProcess implements WorkerProcess {
  readonly pid: number;
  readonly request: LaunchRequest;
  readonly signals: NodeJS.Signals[] = [];
  readonly scoreboard: Scoreboard | undefined;
  /** What its threads show; undefined for a program that is not the engine. */
  slots: readonly ShownSlot[] = [];
  isAlive = true;
  /** As in life, a killed process is not gone at once. */
  isSlowToDie = false;
  /** Descendants that outlive it until they are killed. */
  strays: readonly { pid: number; startTime: number }[] = [];

  constructor(pid: number, request: LaunchRequest) {
    this.pid = pid;
    this.request = request;
    if (request.plan.engine !== undefined) this.scoreboard = { slots: () => this.slots, close: () => {} };
  }

  becomeReady(): void {
    this.request.onMessage({ event: 'ready' });
  }

  wearOut(reason = 'max_requests', detail = '1000 requests'): void {
    this.request.onMessage({ event: 'worn', reason, detail });
  }

  leave(reason = 'request_timeout'): void {
    this.request.onMessage({ event: 'retiring', reason, detail: '' });
  }

  exit(code: number): void {
    this.end({ kind: 'exited', code });
  }

  end(exit: ExitStatus): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.request.onExit(exit);
  }

  signal(signal: NodeJS.Signals): boolean {
    this.signals.push(signal);
    return this.isAlive;
  }

  tree(): readonly { pid: number; startTime: number }[] {
    return this.isAlive ? [{ pid: this.pid, startTime: 1 }, ...this.strays] : this.strays;
  }

  signalTree(signal: NodeJS.Signals): number {
    return this.signal(signal) ? 1 : 0;
  }

  killTree(): number {
    const wasAlive = this.isAlive;
    this.strays = [];
    if (!this.isSlowToDie) this.end({ kind: 'signaled', signal: 'SIGKILL' });
    return wasAlive ? 1 : 0;
  }
}

/** Says of itself what a test tells it to. */
export class FakeForkServer implements ForkingLauncher {
  readonly serverPid = undefined;
  readonly launch: Launcher['launch'];
  isLost = false;
  readonly warnings: readonly string[] = [];
  isEnded = false;

  constructor(launcher: Launcher) {
    this.launch = (request) => launcher.launch(request);
  }

  end(): void {
    this.isEnded = true;
  }
}

/** Processes, sockets and time without any of them. */
export class FakeWorld {
  readonly clock = new FakeClock();
  readonly log = new FakeLog();
  readonly processes: FakeProcess[] = [];
  /** One for each generation of a plan that preloads. */
  readonly forkServers: FakeForkServer[] = [];
  readonly appended: { readonly file: string; readonly text: string }[] = [];
  readonly openSockets = new Set<ListenSocket>();
  /** Where each address leads. */
  readonly published = new Map<string, ListenSocket>();
  readonly drains: { readonly socket: ListenSocket; readonly lead: NewLead; readonly finish: () => void }[] =
    [];
  /** Ends a worker that waits for a moment without a connection. */
  readonly retirements: (() => void)[] = [];
  /** Connections that each of those has in hand when it is told to end all the same. */
  inHand = 1;
  /** Memory of processes in bytes, by pid. */
  readonly memory = new Map<number, number>();
  /** Proofs that were begun, for a test to carry out. */
  readonly proofs: (Parameters<ProveAccept>[0] & { readonly end: () => void })[] = [];
  /** Set to make the next `open` fail. */
  openError: Error | undefined;
  /** Set to make every `withdraw` fail. */
  withdrawError: Error | undefined;
  /** Set when another daemon has joined every address. */
  isFollowed = false;
  #lastPid = 100;
  #lastFd = 10;

  get alive(): readonly FakeProcess[] {
    return this.processes.filter(({ isAlive }) => isAlive);
  }

  get surroundings(): PoolSurroundings {
    return {
      clock: this.clock,
      log: this.log,
      launcher: this.launcher,
      createForkLauncher: () => this.#createForks(),
      random: () => 0.5,
      appendTo: (file, text) => this.appended.push({ file, text }),
      createEndpoint: (plan) => this.#endpoint(plan),
      proveAccept: (options) => {
        return new Promise((resolve) => {
          this.proofs.push({ ...options, end: () => resolve(undefined) });
          options.signal.addEventListener('abort', () => resolve(undefined));
        });
      },
      createTriggers: () => undefined,
      readMemory: (pid) => this.memory.get(pid),
      retire: ({ tree }) => {
        const [first] = tree();
        this.retirements.push(() => this.processes.find(({ pid }) => pid === first?.pid)?.exit(0));
        return { isSignaled: false, connections: () => this.inHand, cancel: () => {} };
      },
      watchDrain: ({ sockets, lead, onDrained }) => {
        const drain = { socket: sockets[0] as ListenSocket, lead, finish: onDrained };
        this.drains.push(drain);
        return {
          cancel: () => this.drains.splice(this.drains.indexOf(drain), 1),
          look: () => ({ accepted: 0, queued: 0, unknown: [] }),
        };
      },
    };
  }

  readonly launcher: Launcher = {
    launch: (request) => {
      this.#lastPid += 1;
      const process = new FakeProcess(this.#lastPid, request);
      this.processes.push(process);
      queueMicrotask(() => request.onSpawned(process.pid));
      return process;
    },
  };

  #createForks(): ForkingLauncher {
    const server = new FakeForkServer(this.launcher);
    this.forkServers.push(server);
    return server;
  }

  #endpoint(plan: ListenPlan): Endpoint {
    const name = formatAddress(plan.address);
    const isFollowed = (): boolean => this.isFollowed;
    const endpoint: Endpoint = {
      get isFollowed() {
        return isFollowed();
      },
      address: plan.address,
      configure: () => {},
      open: () => this.#open(endpoint),
      publish: (socket) => void this.published.set(name, socket),
      isPublished: (socket) => this.published.get(name) === socket,
      withdraw: () => {
        if (this.withdrawError !== undefined) throw this.withdrawError;
        this.published.delete(name);
      },
    };
    return isOneSocket(plan.address) ? this.#fixed(endpoint) : endpoint;
  }

  /** An address that leads to the one socket for good. */
  #fixed(base: Endpoint): Endpoint {
    const held = new Set<ListenSocket>();
    const endpoint: Endpoint = {
      ...base,
      open: () => this.#open(endpoint),
      openShared: () => {
        const socket = this.#open(endpoint);
        held.add(socket);
        return socket;
      },
      publish: (socket) => {
        if (!held.has(socket)) throw new Error('only the one socket is where the address leads');
      },
      isPublished: (socket) => held.has(socket) && this.openSockets.has(socket),
      withdraw: () => {},
    };
    return endpoint;
  }

  #open(endpoint: Endpoint): ListenSocket {
    if (this.openError !== undefined) throw this.openError;
    this.#lastFd += 1;
    const socket: ListenSocket = {
      fd: this.#lastFd,
      endpoint,
      restoreBlockingMode: () => {},
      boundTo: { kind: 'unix', path: `/run/private/${this.#lastFd}` },
      connectPrivately: () => Promise.reject(new Error('nobody connects here')),
      hasQueued: () => false,
      queued: () => 0,
      close: () => void this.openSockets.delete(socket),
    };
    this.openSockets.add(socket);
    return socket;
  }
}

/** A plan of `workers` workers that say themselves when they are ready. */
export function fakePoolPlan(workers: number): PoolPlan {
  return {
    name: 'site',
    preset: 'generic',
    isAutostarted: true,
    listen: [
      {
        address: { kind: 'unix', path: '/run/site.sock' },
        backlog: 128,
        mode: 0o660,
        uid: undefined,
        gid: undefined,
        runtimeDir: '/run',
        isBlocking: true,
      },
    ],
    workers,
    requests: { slowMs: undefined, slowLog: undefined, timeoutMs: undefined },
    worker: {
      argv: ['/bin/site'],
      directory: '/',
      environment: {},
      identity: undefined,
      umask: 0o022,
      engine: { threads: 1, isPreloaded: false },
    },
    lifecycle: {
      bootTimeoutMs: 30_000,
      stopSignal: 'SIGTERM',
      drainTimeoutMs: 20_000,
      gracefulTimeoutMs: 10_000,
      maxAgeMs: undefined,
      memory: undefined,
      orphans: 'signal',
      retirement: 'freeze',
      backoffInitialMs: 200,
      backoffMaxMs: 30_000,
      maxRestarts: 2,
      restartWindowMs: 60_000,
      expectedExits: [],
    },
    reload: { mode: 'switch', surge: workers, touchFiles: [], watch: undefined },
    proof: { level: 'loaded' },
  };
}
