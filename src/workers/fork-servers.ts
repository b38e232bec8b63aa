import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { ForkLauncher } from './fork-launcher.ts';
import type { ForkingLauncher, Launcher, LaunchRequest, TreeProcess } from './launcher.ts';
import { RecordingLauncher } from './recording-launcher.ts';
import type { WorkerLedger } from './worker-ledger.ts';

export interface ForkServersOptions {
  readonly clock: Clock;
  readonly ledger: WorkerLedger;
}

/** Every fork server there is: in the ledger like the workers, and waited for when the daemon ends. */
export class ForkServers {
  readonly #options: ForkServersOptions;
  readonly #living = new Set<number>();
  readonly #waiting: (() => void)[] = [];

  constructor(options: ForkServersOptions) {
    this.#options = options;
  }

  /** For one generation of a pool. */
  createLauncher(pool: string, log: Log): ForkingLauncher {
    const { clock, ledger } = this.#options;
    const launcher = new ForkLauncher({
      pool,
      clock,
      log,
      onServerStarted: (server, marker) => {
        this.#living.add(server.pid);
        ledger.add({ ...server, pool, marker });
      },
      onServerEnded: (server) => {
        ledger.remove(server);
        this.#forget(server);
      },
    });
    return new RecordedForks(launcher, new RecordingLauncher(launcher, ledger));
  }

  /** Resolves when none is left. */
  ended(): Promise<void> {
    if (this.#living.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #forget({ pid }: TreeProcess): void {
    this.#living.delete(pid);
    if (this.#living.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A forking launcher whose workers are in the ledger. */
class RecordedForks implements ForkingLauncher {
  readonly #forks: ForkLauncher;
  readonly #recording: Launcher;

  constructor(forks: ForkLauncher, recording: Launcher) {
    this.#forks = forks;
    this.#recording = recording;
  }

  get serverPid(): number | undefined {
    return this.#forks.serverPid;
  }

  get isLost(): boolean {
    return this.#forks.isLost;
  }

  get warnings(): readonly string[] {
    return this.#forks.warnings;
  }

  launch(request: LaunchRequest): ReturnType<Launcher['launch']> {
    return this.#recording.launch(request);
  }

  end(): void {
    this.#forks.end();
  }
}
