import { isDeepStrictEqual } from 'node:util';
import { ControlServer } from '../control/server.ts';
import { describeError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import { createLog, type Log, type OpenLog } from '../host/log.ts';
import { createNotifier, type Notifier } from '../host/notify.ts';
import { type Pidfile, takePidfile } from '../host/pidfile.ts';
import { prepareRuntimeDir } from '../host/runtime-dir.ts';
import { type SignalIntent, watchSignals } from '../host/signals.ts';
import { readVersion } from '../host/version.ts';
import { loadPlan } from '../plan/load.ts';
import type { DaemonPlan, Plan } from '../plan/plan.ts';
import { Supervisor } from '../pools/supervisor.ts';
import type { InheritedSockets } from '../sockets/inherited.ts';
import type { DaemonSnapshot } from '../status/snapshot.ts';
import { stopLeftovers } from '../workers/leftovers.ts';
import { Reaper } from '../workers/reaper.ts';
import { createPoolWorld, ledgerPath } from './pool-world.ts';

export interface DaemonOptions {
  readonly configFile: string | undefined;
  /** In the background: standard output leads nowhere. */
  readonly isDaemonized: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly inherited: InheritedSockets;
}

/** The daemon, from the configuration read to the last thing closed. */
export class Daemon {
  readonly #plan: Plan;
  readonly #inheritedNames: readonly string[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #openLog: OpenLog;
  readonly #pidfile: Pidfile;
  readonly #notifier: Notifier;
  readonly #reaper: Reaper;
  readonly #supervisor: Supervisor;
  readonly #control: ControlServer;
  readonly #unwatchSignals: () => void;
  /** Resolves when everything has stopped and is closed. */
  readonly ended: Promise<void>;

  /**
   * Reads the configuration, takes the pidfile and the control socket, and starts the pools.
   *
   * @throws RunfcgidError CONFIG_…, DAEMON_RUNNING, DAEMON_PLATFORM, LISTEN_FAILED; then nothing is left behind.
   */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const { plan, warnings } = await loadPlan({
      configFile: options.configFile,
      inheritedNames: options.inherited.names,
    });
    prepareRuntimeDir(plan.daemon.runtimeDir);
    const openLog = await createLog(logPlan(plan.daemon, options), {
      clock: options.clock,
      isTerminal: process.stdout.isTTY,
      environment: options.environment,
    });
    for (const warning of warnings) openLog.log.warn({ event: 'config.warning' }, warning);
    const pidfile = takePidfile(plan.daemon.pidfile);
    const daemon = new Daemon(plan, options, openLog, pidfile);
    try {
      await daemon.#control.open();
      await daemon.#stopLeftovers();
    } catch (error) {
      await daemon.#close();
      throw error;
    }
    daemon.#start();
    return daemon;
  }

  private constructor(plan: Plan, options: DaemonOptions, openLog: OpenLog, pidfile: Pidfile) {
    const { log } = openLog;
    const { clock, environment } = options;
    const startedAt = clock.wallTime().toISOString();
    const startedAtMs = clock.now();
    this.#plan = plan;
    this.#inheritedNames = options.inherited.names;
    this.#clock = clock;
    this.#log = log;
    this.#openLog = openLog;
    this.#pidfile = pidfile;
    this.#notifier = createNotifier({ environment, log, pid: process.pid });
    this.#reaper = new Reaper(clock, ({ pid }) =>
      log.debug({ event: 'orphan.reaped', pid }, 'an orphan ended'),
    );
    this.#supervisor = new Supervisor(plan, {
      ...createPoolWorld(plan.daemon, clock, log, options.inherited),
      readPlan: () => this.#readPlan(),
      describeDaemon: () => describeDaemon(plan.daemon, startedAt, clock.now() - startedAtMs),
    });
    this.#control = new ControlServer({
      path: plan.daemon.controlSocket,
      mode: plan.daemon.controlMode,
      commands: this.#supervisor,
      log,
      clock,
    });
    guardAgainstMistakes(log);
    this.#unwatchSignals = watchSignals((intent, signal) => {
      log.info({ event: 'signal.received', signal, intent }, `received ${signal}`);
      this.#follow(intent);
    });
    this.ended = this.#supervisor.ended.then(() => this.#close());
  }

  /** Resolves when every pool has had its first verdict, with a sentence for each that does not run. */
  async firstVerdicts(): Promise<readonly string[]> {
    const outcomes = await this.#supervisor.firstVerdicts();
    const problems = [
      ...this.#plan.refused.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`)),
      ...outcomes.filter(({ isDone }) => !isDone).map(({ pool, message }) => `${pool}: ${message}`),
    ];
    const running = outcomes.filter(({ isDone }) => isDone).length;
    const all = outcomes.length + this.#plan.refused.length;
    this.#notifier.ready(`${running} of ${all} pools running`);
    this.#log.info({ event: 'daemon.ready', running, pools: all }, `${running} of ${all} pools are running`);
    return problems;
  }

  /** The configuration as it is now; what concerns the daemon itself is only told. */
  async #readPlan(): Promise<Plan> {
    // Absolute: the working directory is not what it was.
    const [configFile] = this.#plan.daemon.configFiles;
    const { plan, warnings } = await loadPlan({ configFile, inheritedNames: this.#inheritedNames });
    for (const warning of warnings) this.#log.warn({ event: 'config.warning' }, warning);
    if (!isDeepStrictEqual(plan.daemon, this.#plan.daemon)) {
      this.#log.warn(
        { event: 'config.kept' },
        'settings in [daemon] have changed: they count from the next start',
      );
    }
    return plan;
  }

  #start(): void {
    const { configFiles, controlSocket } = this.#plan.daemon;
    this.#log.info(
      { event: 'daemon.started', pid: process.pid, version: readVersion(), configFiles, controlSocket },
      'runfcgid has started',
    );
    for (const { name, problems } of this.#plan.refused) {
      this.#log.error({ event: 'pool.refused', pool: name, problems }, `pool "${name}" is refused`);
    }
    this.#reaper.start();
    this.#supervisor.start();
  }

  /** An earlier daemon that was killed may have left workers, which hold its ports and serve unwatched. */
  async #stopLeftovers(): Promise<void> {
    const lifecycles = new Map(this.#plan.pools.map(({ name, lifecycle }) => [name, lifecycle]));
    await stopLeftovers({
      ledger: ledgerPath(this.#plan.daemon),
      clock: this.#clock,
      log: this.#log,
      lifecycleOf: (pool) => lifecycles.get(pool),
    });
  }

  #follow(intent: SignalIntent): void {
    switch (intent) {
      case 'stop':
        this.#notifier.stopping('stopping');
        void this.#supervisor.shutDown(() => {});
        return;
      case 'stop-now':
        this.#notifier.stopping('stopping now');
        this.#supervisor.killAll();
        void this.#supervisor.shutDown(() => {});
        return;
      case 'reload':
        this.#log.warn({ event: 'config.kept' }, 'this version reads its configuration only at its start');
        return;
      case 'reopen-logs':
        this.#openLog.reopen();
    }
  }

  async #close(): Promise<void> {
    this.#unwatchSignals();
    await this.#control.close();
    this.#reaper.stop();
    this.#pidfile.release();
    this.#log.info({ event: 'daemon.stopped' }, 'runfcgid has stopped');
    this.#openLog.flush();
    this.#openLog.close();
  }
}

/**
 * A mistake of ours in one pool must not end the workers of all: what escaped is logged with its stack, and the
 * daemon goes on. Node would end the process for either.
 */
function guardAgainstMistakes(log: Log): void {
  const report = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error({ event: 'internal.error', stack }, `a mistake in runfcgid itself: ${describeError(error)}`);
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

function describeDaemon(plan: DaemonPlan, startedAt: string, uptimeMs: number): DaemonSnapshot {
  return {
    pid: process.pid,
    version: readVersion(),
    startedAt,
    uptimeMs: Math.round(uptimeMs),
    configFiles: plan.configFiles,
    runtimeDir: plan.runtimeDir,
    controlSocket: plan.controlSocket,
    memoryBytes: process.memoryUsage.rss(),
  };
}

/** A daemon in the background has no standard output to log to. */
function logPlan({ log, runtimeDir }: DaemonPlan, { isDaemonized }: DaemonOptions): DaemonPlan['log'] {
  return isDaemonized && log.file === undefined ? { ...log, file: `${runtimeDir}/runfcgid.log` } : log;
}
