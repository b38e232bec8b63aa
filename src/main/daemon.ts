import { rmSync } from 'node:fs';
import { ControlServer } from '../control/server.ts';
import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { createNotifier, type Notifier } from '../host/notify.ts';
import { type Pidfile, takePidfile } from '../host/pidfile.ts';
import { prepareRuntimeDir } from '../host/runtime-dir.ts';
import { type ControlSignal, type SignalIntent, watchSignals } from '../host/signals.ts';
import { keepSpareDescriptors } from '../host/spare-descriptors.ts';
import { readVersion } from '../host/version.ts';
import { keptSettings } from '../plan/diff.ts';
import type { Plan } from '../plan/plan.ts';
import type { PoolOutcome } from '../pools/commands.ts';
import { Supervisor } from '../pools/supervisor.ts';
import type { Predecessors, Succession } from '../runfcgi/succession.ts';
import type { InheritedSockets } from '../sockets/inherited.ts';
import { stopLeftovers } from '../workers/leftovers.ts';
import { Reaper } from '../workers/reaper.ts';
import { describeDaemon } from './daemon-snapshot.ts';
import { guardAgainstMistakes } from './mistakes.ts';
import { type OpenLogs, openLogs } from './open-logs.ts';
import type { PlanSource } from './plan-source.ts';
import { createPoolWorld, ledgerPath, type PoolWorld } from './pool-world.ts';
import { reconfigure, renewWorkers } from './reconfiguration.ts';

export interface DaemonOptions {
  readonly source: PlanSource;
  /** In the background: standard output leads nowhere. */
  readonly isDaemonized: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly inherited: InheritedSockets;
}

/** The daemon, from the configuration read to the last thing closed. */
export class Daemon {
  readonly #plan: Plan;
  readonly #options: DaemonOptions;
  readonly #predecessors: Predecessors;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #openLog: OpenLogs;
  readonly #pidfile: Pidfile;
  readonly #notifier: Notifier;
  readonly #reaper: Reaper;
  readonly #world: PoolWorld;
  readonly #supervisor: Supervisor;
  readonly #control: ControlServer;
  readonly #unwatchSignals: () => void;
  #reconfigured: Promise<void> = Promise.resolve();
  /** Resolves when everything has stopped and is closed. */
  readonly ended: Promise<void>;

  /**
   * Reads the configuration, takes the pidfile and the control socket, and starts the pools.
   *
   * @throws RunfcgidError CONFIG_…, DAEMON_RUNNING, DAEMON_PLATFORM, LISTEN_FAILED; then nothing is left behind.
   */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const { source } = options;
    const predecessors = (await source.succession?.predecessors()) ?? noPredecessors;
    const { plan, warnings } = await source.read();
    keepSpareDescriptors();
    prepareRuntimeDir(plan.daemon.runtimeDir);
    const openLog = await openLogs(plan.daemon, options, source.outputFile);
    for (const warning of warnings) openLog.log.warn({ event: 'config.warning' }, warning);
    const pidfile = takePidfile(plan.daemon.pidfile, predecessors.ending);
    const daemon = new Daemon(plan, predecessors, options, { openLog, pidfile });
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

  private constructor(
    plan: Plan,
    predecessors: Predecessors,
    options: DaemonOptions,
    { openLog, pidfile }: { readonly openLog: OpenLogs; readonly pidfile: Pidfile },
  ) {
    const { log } = openLog;
    const { clock, environment } = options;
    const startedAt = clock.wallTime().toISOString();
    const startedAtMs = clock.now();
    this.#plan = plan;
    this.#options = options;
    this.#predecessors = predecessors;
    this.#clock = clock;
    this.#log = log;
    this.#openLog = openLog;
    this.#pidfile = pidfile;
    this.#notifier = createNotifier({ environment, log, pid: process.pid });
    this.#reaper = new Reaper(clock, ({ pid }) =>
      log.debug({ event: 'orphan.reaped', pid }, 'an orphan ended'),
    );
    this.#world = createPoolWorld({
      plan: plan.daemon,
      clock,
      log,
      appendTo: openLog.append,
      inherited: options.inherited,
      predecessors: predecessors.ending,
    });
    this.#supervisor = new Supervisor(plan, {
      ...this.#world,
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
      this.#follow(intent, signal);
    });
    this.ended = this.#supervisor.ended.then(() => this.#close());
  }

  /** Resolves when every pool has had its first verdict, with a sentence for each that does not run. */
  async firstVerdicts(): Promise<readonly string[]> {
    const outcomes = await this.#supervisor.firstVerdicts();
    const problems = [
      ...this.#plan.refused.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`)),
      ...outcomes.filter(({ isDone }) => !isDone).map(describeOutcome),
    ];
    if (problems.length === 0) this.#succession?.takeOver();
    const running = outcomes.filter(({ isDone }) => isDone).length;
    const all = outcomes.length + this.#plan.refused.length;
    this.#notifier.ready(`${running} of ${all} pools running`);
    this.#log.info({ event: 'daemon.ready', running, pools: all }, `${running} of ${all} pools are running`);
    return problems;
  }

  /** The configuration as it is now; what concerns the daemon itself is only told. */
  async #readPlan(): Promise<Plan> {
    const { plan, warnings } = await this.#options.source.read();
    for (const warning of warnings) this.#log.warn({ event: 'config.warning' }, warning);
    for (const note of keptSettings(this.#plan.daemon, plan.daemon)) {
      this.#log.warn({ event: 'config.kept' }, note);
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
    const { dead } = this.#predecessors;
    for (const runtimeDir of [this.#plan.daemon.runtimeDir, ...dead]) {
      await stopLeftovers({
        ledger: ledgerPath({ runtimeDir }),
        clock: this.#clock,
        log: this.#log,
        lifecycleOf: (pool) => lifecycles.get(pool),
      });
    }
    for (const runtimeDir of dead) rmSync(runtimeDir, { recursive: true, force: true });
  }

  get #succession(): Succession | undefined {
    return this.#options.source.succession;
  }

  /** Finishes what is in hand and ends. */
  async end(): Promise<void> {
    this.#notifier.stopping('stopping');
    this.#succession?.beginEnd();
    await this.#supervisor.shutDown('stop', () => {});
    await this.ended;
  }

  #follow(intent: SignalIntent, signal: ControlSignal): void {
    switch (intent) {
      case 'stop':
        void this.#endAfterHandover(signal);
        return;
      case 'stop-now':
        this.#notifier.stopping('stopping now');
        this.#succession?.beginEnd();
        void this.#supervisor.shutDown('kill', () => {});
        return;
      case 'reload':
        // One after the other: a signal during a reload may be about a newer file.
        this.#reconfigured = this.#reconfigured.then(() => this.#reconfigure());
        return;
      case 'reopen-logs':
        this.#openLog.reopen();
    }
  }

  #reconfigure(): Promise<void> {
    const surroundings = { commands: this.#supervisor, notifier: this.#notifier, log: this.#log };
    // A site from words has no file that could have changed.
    return this.#succession === undefined ? reconfigure(surroundings) : renewWorkers(surroundings);
  }

  /** A script that restarts the site starts the next daemon a moment after this signal. */
  async #endAfterHandover(signal: ControlSignal): Promise<void> {
    this.#succession?.beginEnd();
    if (signal === 'SIGTERM' && this.#options.isDaemonized) await this.#succession?.awaitSuccessor();
    await this.end();
  }

  async #close(): Promise<void> {
    this.#unwatchSignals();
    await this.#control.close();
    await this.#world.settled();
    this.#reaper.stop();
    this.#pidfile.release();
    this.#log.info({ event: 'daemon.stopped' }, 'runfcgid has stopped');
    this.#openLog.flush();
    this.#openLog.close();
  }
}

const noPredecessors: Predecessors = { ending: [], dead: [] };

function describeOutcome({ pool, message, details }: PoolOutcome): string {
  return [`${pool}: ${message}`, ...details].join('\n  ');
}
