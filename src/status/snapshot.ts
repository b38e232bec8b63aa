/** Read-only views of the daemon, made for printing and for JSON: plain data, no methods. */
export interface StatusSnapshot {
  readonly daemon: DaemonSnapshot;
  readonly pools: readonly PoolSnapshot[];
}

export interface DaemonSnapshot {
  readonly pid: number;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly configFiles: readonly string[];
  readonly runtimeDir: string;
  readonly controlSocket: string;
  readonly memoryBytes: number;
}

/**
 * `running`: every wanted worker is ready. `starting`: some are not ready yet. `degraded`: at least one serves
 * while others are down. `failed`: it gave up for now, or its configuration was refused. `stopping`, `stopped`.
 */
export type PoolState = 'starting' | 'running' | 'degraded' | 'failed' | 'stopping' | 'stopped';

export interface PoolSnapshot {
  readonly name: string;
  readonly state: PoolState;
  /** Why it is not running, in a sentence; `null` when it runs. */
  readonly reason: string | null;
  /** What is wrong with its configuration as it was read last, each as a sentence with its place. */
  readonly problems: readonly string[];
  /** What to do about it, as a whole sentence; `null` when that is not known, or its workers' output says more. */
  readonly advice: string | null;
  /** Milliseconds until the next attempt of a failed pool or a waiting worker; `null` when none is due. */
  readonly nextAttemptInMs: number | null;
  /** Milliseconds until what is left of a pool that is to stop is killed; `null` of any other. */
  readonly killInMs: number | null;
  readonly preset: string;
  /** What a worker must show before it serves: `accept`, `loaded`, `values`, `request /health/`. */
  readonly proof: string;
  /** The command line, for people. */
  readonly command: string;
  readonly listen: readonly string[];
  readonly generation: number;
  readonly workersWanted: number;
  readonly workersReady: number;
  /** Respawns after a death, since the daemon started. */
  readonly restarts: number;
  /** Workers that were replaced because they had reached a limit, since the daemon started. */
  readonly recycled: number;
  readonly lastRecycling: RecyclingSnapshot | null;
  /** Requests that their worker’s end has cut, without `timeouts`, since the daemon started; `null`: the program does not show its requests. */
  readonly cutRequests: number | null;
  /** One of those that were cut last; `null` as above, and when there was none. */
  readonly lastCut: CutSnapshot | null;
  /** Requests that were ended because they took too long; `null` as above. */
  readonly timeouts: TimeoutsSnapshot | null;
  readonly lastTimeout: TimeoutSnapshot | null;
  /** Connections waiting on the pool's listen sockets; `null` when unknown. */
  readonly queued: number | null;
  readonly workers: readonly WorkerSnapshot[];
  /** The last death that was not asked for. */
  readonly lastExit: ExitSnapshot | null;
  /** A reload that was refused, until one succeeds: the pool goes on with the workers from before it. */
  readonly refusedReload: RefusedReloadSnapshot | null;
  /** Those that have not gone yet, the oldest first: the live one, one that shows itself, those that drain. */
  readonly generations: readonly GenerationSnapshot[];
  /** The file that made the pool reload last. */
  readonly lastTrigger: TriggerSnapshot | null;
}

/**
 * `live`: the address leads there. `proving`: its workers have to show themselves first. `draining`: it finishes
 * what it has. `yielding`: its workers leave a shared socket one by one. `stopping`: it has nothing left to finish.
 * `refused`: its workers did not show themselves, and end.
 */
export type GenerationPhaseName =
  | 'proving'
  | 'live'
  | 'draining'
  | 'yielding'
  | 'stopping'
  | 'refused'
  | 'gone';

export interface GenerationSnapshot {
  readonly number: number;
  readonly phase: GenerationPhaseName;
  /** Of those that shall serve, and of those that are left where it ends. */
  readonly workers: number;
  readonly ready: number;
  /** Accepted by its workers and not yet closed; `null` when unknown. */
  readonly connections: number | null;
  /** What its workers are forked from; `null` when each loads the application itself. */
  readonly forkServer: ForkServerSnapshot | null;
}

export interface ForkServerSnapshot {
  /** `null` when it does not run: not yet, or not any more. */
  readonly pid: number | null;
  /** It has ended by itself: the next worker that ends brings a new generation. */
  readonly isLost: boolean;
  /** What it found doubtful while it loaded the application. */
  readonly warnings: readonly string[];
  readonly memoryBytes: number | null;
}

export interface RecyclingSnapshot {
  /** ISO 8601. */
  readonly at: string;
  readonly worker: string;
  /** `max_age`, `max_memory`, `max_requests` and the like. */
  readonly reason: string;
  /** For people: "1000 requests". */
  readonly detail: string;
}

export interface TriggerSnapshot {
  /** ISO 8601. */
  readonly at: string;
  /** Names the file. */
  readonly summary: string;
}

export interface RefusedReloadSnapshot {
  /** ISO 8601. */
  readonly at: string;
  readonly reason: string;
  readonly output: readonly string[];
}

export type WorkerStateName =
  | 'stopped'
  | 'starting'
  | 'ready'
  | 'worn'
  | 'retiring'
  | 'stuck'
  | 'stopping'
  | 'killing'
  | 'backoff'
  | 'failed';

/** `draining`: it is ready, but nothing new gets to it any more. */
export type ShownWorkerState = WorkerStateName | 'draining';

export interface WorkerSnapshot {
  /** `pool/1`, `pool/2` …: the place in the pool, which outlives the process. */
  readonly id: string;
  readonly generation: number;
  readonly pid: number | null;
  readonly state: ShownWorkerState;
  readonly listen: string;
  /** Since the process started; `null` without a process. */
  readonly uptimeMs: number | null;
  readonly restarts: number;
  /** Resident memory of the process and its descendants; `null` when unknown. */
  readonly memoryBytes: number | null;
  /** 100 is one core; `null` when unknown. */
  readonly cpuPercent: number | null;
  /** Connections accepted and not yet closed; `null` when unknown. */
  readonly connections: number | null;
  /** Requests that it has answered; `null`: the program does not show its requests. */
  readonly requests: number | null;
  /** How many of its threads have a request in hand; `null` as above. */
  readonly busy: number | null;
  /** The requests that it has in hand, the oldest first; `null` as above. */
  readonly current: readonly RequestSnapshot[] | null;
}

/** How many were interrupted by an exception, left behind by their worker, and ended by its SIGKILL. */
export interface TimeoutsSnapshot {
  readonly interrupted: number;
  readonly left: number;
  readonly killed: number;
}

export interface TimeoutSnapshot {
  /** ISO 8601. */
  readonly at: string;
  readonly worker: string;
  readonly how: keyof TimeoutsSnapshot;
  readonly method: string;
  readonly uri: string;
  readonly ageMs: number;
}

export interface CutSnapshot {
  /** ISO 8601. */
  readonly at: string;
  readonly worker: string;
  readonly method: string;
  readonly uri: string;
}

export interface RequestSnapshot {
  readonly method: string;
  /** With its query; of a long one 256 characters. */
  readonly uri: string;
  readonly remote: string;
  readonly ageMs: number;
  /** Of the response, head included, as far as it was sent. */
  readonly bytes: number;
}

export interface ExitSnapshot {
  /** ISO 8601. */
  readonly at: string;
  readonly worker: string;
  readonly pid: number | null;
  readonly cause: 'died' | 'boot-timeout' | 'not-proven' | 'not-started';
  readonly reason: string;
  /** Last lines that it wrote. */
  readonly output: readonly string[];
}
