import type { ListenAddress } from '../config/address.ts';
import type { LogPlan } from '../host/log.ts';
import type { MemoryMeasure } from '../host/memory.ts';
import type { PresetName } from './presets.ts';
import type { ProofPlan } from './proof.ts';

/** What the daemon does, with every default filled in, every path absolute, every user an id. Frozen. */
export interface Plan {
  readonly daemon: DaemonPlan;
  readonly pools: readonly PoolPlan[];
  /** Pools whose configuration has problems: they are shown as failed and stop nobody else. */
  readonly refused: readonly RefusedPool[];
}

export interface DaemonPlan {
  /** Files the plan was read from, in order. Empty for a plan from the command line. */
  readonly configFiles: readonly string[];
  /** Absolute; created with mode 0755 when absent. */
  readonly runtimeDir: string;
  readonly controlSocket: string;
  /** Mode of the control socket, for example 0o600. */
  readonly controlMode: number;
  readonly pidfile: string;
  readonly log: LogPlan;
}

export interface RefusedPool {
  readonly name: string;
  /** Whole sentences, each with file, line and key. */
  readonly problems: readonly string[];
}

export interface PoolPlan {
  readonly name: string;
  readonly preset: PresetName;
  /** Start when the daemon starts. */
  readonly isAutostarted: boolean;
  /** Workers are spread over these addresses evenly; there are at least as many workers as addresses. */
  readonly listen: readonly ListenPlan[];
  /** Number of workers wanted, at least 1. */
  readonly workers: number;
  readonly worker: WorkerPlan;
  readonly lifecycle: LifecyclePlan;
  readonly reload: ReloadPlan;
  readonly proof: ProofPlan;
  readonly requests: RequestPlan;
}

/** What is done about requests that take long; only the engine shows how long they take. */
export interface RequestPlan {
  /** When the traceback of all threads is logged; `undefined`: never. */
  readonly slowMs: number | undefined;
  /** Absolute; `undefined`: the daemon's own log. */
  readonly slowLog: string | undefined;
  /** When a request is ended; `undefined`: never. */
  readonly timeoutMs: number | undefined;
}

/** How new workers take the place of old ones, and what makes them. */
export interface ReloadPlan {
  /**
   * `switch`: the new generation has listen sockets of its own, and the addresses are moved to them.
   * `rolling`: all generations share the listen sockets, and each old worker leaves at a moment without a connection.
   * Always so where an address belongs to one socket for good (config/address.ts).
   */
  readonly mode: 'switch' | 'rolling';
  /** How many workers there may be beyond the wanted ones while a generation replaces another. */
  readonly surge: number;
  /** Absolute paths; a touch of any of them is a reload. */
  readonly touchFiles: readonly string[];
  /** A tree in which any change is a reload. */
  readonly watch: WatchPlan | undefined;
}

export interface WatchPlan {
  /** Absolute. */
  readonly directory: string;
  /** Patterns of gitignore(5) that select files; `!` in front excludes. */
  readonly patterns: readonly string[];
  /** Look at this interval instead of using inotify(7); `undefined`: only where inotify does not work. */
  readonly pollMs: number | undefined;
}

export interface ListenPlan {
  readonly address: ListenAddress;
  /** Length of the accept queue; the kernel caps it at net.core.somaxconn (listen(2)). */
  readonly backlog: number;
  /** Mode, owner and group of a Unix socket; `undefined` owner or group: the daemon's own. */
  readonly mode: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The directory for private socket names and the like. */
  readonly runtimeDir: string;
  /** False for flup alone: php-cgi and Perl FCGI exit on a non-blocking listener. */
  readonly isBlocking: boolean;
}

export interface WorkerPlan {
  /** Program and arguments; the program is absolute or found on the PATH of `environment`. */
  readonly argv: readonly [string, ...string[]];
  readonly directory: string;
  /** The whole environment of the worker; nothing is inherited from the daemon beside it. */
  readonly environment: Readonly<Record<string, string>>;
  /** `undefined`: the daemon's own user. */
  readonly identity: Identity | undefined;
  readonly umask: number;
  /** `undefined` for a program that knows nothing of us. */
  readonly engine: EnginePlan | undefined;
}

/** The Python engine: it says itself when it is ready, and shows what it does. */
export interface EnginePlan {
  /** Requests that a worker serves at once. */
  readonly threads: number;
  /** Its workers are forked from a process that has loaded the application. */
  readonly isPreloaded: boolean;
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly user: string;
}

export interface MemoryLimit {
  readonly maxBytes: number;
  readonly measure: MemoryMeasure;
}

export interface LifecyclePlan {
  /** How long a worker may take from spawn to ready. */
  readonly bootTimeoutMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** From losing the address to the stop signal, for workers that still hold connections. */
  readonly drainTimeoutMs: number;
  /** From the stop signal to SIGKILL. */
  readonly gracefulTimeoutMs: number;
  /** How long a worker may serve before it is replaced, less a jitter; `undefined`: for ever. */
  readonly maxAgeMs: number | undefined;
  /** More memory than this, and a worker is replaced. */
  readonly memory: MemoryLimit | undefined;
  /**
   * What descendants do that outlive the worker's own process: `signal` sends them the stop signal; `finish`
   * leaves them to themselves until the graceful timeout (flup's children finish their request and leave).
   */
  readonly orphans: 'signal' | 'finish';
  /**
   * How a worker leaves a socket that others go on serving: `signal` for programs that are known to finish what
   * they have accepted, `freeze` for all others.
   */
  readonly retirement: 'signal' | 'freeze';
  /** First delay before a respawn; it doubles with every early death up to the cap. */
  readonly backoffInitialMs: number;
  readonly backoffMaxMs: number;
  /** More abnormal exits than this within the window and the pool is failed. */
  readonly maxRestarts: number;
  readonly restartWindowMs: number;
  /** Exit statuses that are part of the program's normal life, after it was ready. */
  readonly expectedExits: readonly number[];
}
