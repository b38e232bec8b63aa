import { RunfcgidError } from '../../src/errors.ts';
import type {
  Commands,
  OnProgress,
  PoolOutcome,
  PoolSelection,
  PoolVerb,
  Reconfiguration,
  StopVerb,
} from '../../src/pools/commands.ts';
import type { PoolSnapshot, StatusSnapshot } from '../../src/status/snapshot.ts';

type Work = (onProgress: OnProgress) => Promise<readonly PoolOutcome[]>;

/** Pools that obey at once, unless `work` says otherwise; remembers what was asked. */
export class FakeCommands implements Commands {
  readonly asked: string[] = [];
  pools: PoolSnapshot[] = [];
  work: Work | undefined;
  /** Of a new configuration. */
  notes: readonly string[] = [];

  async status(): Promise<StatusSnapshot> {
    return statusOf(this.pools);
  }

  run(verb: PoolVerb, names: PoolSelection, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    return this.#obey(verb, names, onProgress);
  }

  restartHard(
    names: PoolSelection,
    stopBy: StopVerb,
    onProgress: OnProgress,
  ): Promise<readonly PoolOutcome[]> {
    return this.#obey(`restart by ${stopBy}`, names, onProgress);
  }

  scale(pool: string, workers: number, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    return this.#obey(`scale ${workers}`, [pool], onProgress);
  }

  takeBack(names: PoolSelection): Promise<readonly PoolOutcome[]> {
    return this.#obey('take back', names, () => {});
  }

  async reconfigure(onProgress: OnProgress): Promise<Reconfiguration> {
    this.asked.push('reconfigure');
    return { outcomes: (await this.work?.(onProgress)) ?? [], notes: this.notes };
  }

  shutDown(how: StopVerb, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    this.asked.push(how === 'stop' ? 'shut down' : 'shut down now');
    if (this.work !== undefined) return this.work(onProgress);
    return Promise.resolve(this.pools.map(({ name }) => outcome({ pool: name, state: 'stopped' })));
  }

  async #obey(what: string, names: PoolSelection, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    this.asked.push(`${what} ${names === 'all' ? 'all' : names.join(',')}`);
    const known = this.pools.map((pool) => pool.name);
    const chosen = names === 'all' ? known : names;
    const unknown = chosen.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new RunfcgidError('PLAN_UNKNOWN_POOL', `there is no pool "${unknown}"`, {
        hint: `Known pools: ${known.join(', ')}.`,
      });
    }
    if (this.work !== undefined) return this.work(onProgress);
    for (const pool of chosen) onProgress({ pool, message: `${what} under way` });
    return chosen.map((pool) => outcome({ pool }));
  }
}

export function outcome(changes: Partial<PoolOutcome>): PoolOutcome {
  return {
    pool: 'web',
    isDone: true,
    state: 'running',
    message: 'running with 2 workers',
    details: [],
    ...changes,
  };
}

export function statusOf(pools: readonly PoolSnapshot[]): StatusSnapshot {
  return {
    daemon: {
      pid: 4242,
      version: '0.1.0',
      startedAt: '2026-01-01T00:00:00.000Z',
      uptimeMs: 7_500_000,
      configFiles: ['/etc/runfcgid/runfcgid.toml'],
      runtimeDir: '/run/runfcgid',
      controlSocket: '/run/runfcgid/control.sock',
      memoryBytes: 45 * 1024 * 1024,
    },
    pools,
  };
}

export function poolSnapshot(changes: Partial<PoolSnapshot> = {}): PoolSnapshot {
  return {
    name: 'web',
    state: 'running',
    cutRequests: null,
    timeouts: null,
    lastCut: null,
    lastTimeout: null,
    reason: null,
    problems: [],
    advice: null,
    nextAttemptInMs: null,
    killInMs: null,
    proof: 'accept',
    preset: 'generic',
    command: '/usr/bin/perl app.pl',
    listen: ['unix:/run/runfcgid/web.sock'],
    generation: 1,
    workersWanted: 2,
    workersReady: 2,
    restarts: 0,
    queued: 0,
    workers: [],
    lastExit: null,
    refusedReload: null,
    generations: [{ number: 1, phase: 'live', workers: 2, ready: 2, connections: 0, forkServer: null }],
    lastTrigger: null,
    recycled: 0,
    lastRecycling: null,
    ...changes,
  };
}
