import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../../src/control/client.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { PoolSnapshot, StatusSnapshot } from '../../src/status/snapshot.ts';
import { collect, ended, type Finished, finish, plainEnvironment } from './program.ts';
import { until } from './until.ts';
import type { Workspace } from './workspace.ts';

export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const daemonProgram = `${repository}/bin/runfcgid.js`;
const clientProgram = `${repository}/bin/fcgictl.js`;

/** Each is far above what the slowest machine takes, and below what a test would hang for. */
const endMs = 60_000;
const readyMs = 120_000;
const answerMs = 60_000;

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Writes a configuration with its own runtime directory into the workspace; returns its path. */
export function writeConfig(workspace: Workspace, pools: string, daemon = ''): string {
  return workspace.write(
    'runfcgid.toml',
    `[daemon]\nruntime_dir = "${workspace.file('run')}"\n${daemon}\n${pools}\n`,
  );
}

/** A built daemon in the foreground, its log, and the client for it. */
export class TestDaemon {
  readonly config: string;
  readonly pid: number;
  readonly #workspace: Workspace;
  readonly #process: ChildProcess;
  readonly #stdout: () => string;
  readonly #stderr: () => string;

  /**
   * Starts a daemon and waits until each of its pools has had its first verdict.
   *
   * @param launcher a command that runs the daemon's, which is put behind it, and passes SIGTERM on.
   */
  static async start(
    workspace: Workspace,
    config: string,
    launcher: readonly string[] = [],
  ): Promise<TestDaemon> {
    const daemon = new TestDaemon(workspace, config, launcher);
    workspace.onClose(() => daemon.stop());
    await daemon.logged('daemon.ready', readyMs);
    return daemon;
  }

  private constructor(workspace: Workspace, config: string, launcher: readonly string[]) {
    this.#workspace = workspace;
    this.config = config;
    const [program = '', ...args] = [...launcher, process.execPath, daemonProgram, '--config', config];
    this.#process = spawn(program, args, {
      cwd: workspace.path,
      env: plainEnvironment(workspace.path),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.pid = Number(this.#process.pid);
    this.#stdout = collect(this.#process.stdout);
    this.#stderr = collect(this.#process.stderr);
  }

  get log(): readonly LogLine[] {
    const lines = this.#stdout().split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** Waits for a line with this event, of those from `after` on; returns it. */
  logged(event: string, deadlineMs = 60_000, after = 0): Promise<LogLine> {
    return until(() => {
      const found = this.log.slice(after).find((line) => line.event === event);
      if (found === undefined && this.#hasEnded) throw new Error(`the daemon has ended: ${this.#words()}`);
      return found;
    }, deadlineMs).catch((cause: unknown) => {
      throw new Error(`no ${event} in the log: ${this.#words()}`, { cause });
    });
  }

  fcgictl(...args: readonly string[]): Promise<Finished> {
    return fcgictl(this.#workspace, this.config, ...args);
  }

  /** Asked for in this process: a start of the client for each look is most of what a busy machine has to do. */
  status(): Promise<StatusSnapshot> {
    const socketPath = this.#workspace.file('run/control.sock');
    return new ControlClient({ socketPath, timeoutMs: answerMs, clock: systemClock }).status();
  }

  async pool(name: string): Promise<PoolSnapshot> {
    const found = (await this.status()).pools.find((pool) => pool.name === name);
    if (found === undefined) throw new Error(`no pool ${name}`);
    return found;
  }

  /** The processes that serve now; those of before a restart, which finish what they have, are left out. */
  async workerPids(pool: string): Promise<readonly number[]> {
    const { generation, workers } = await this.pool(pool);
    return workers.filter((worker) => worker.generation === generation).flatMap(({ pid }) => pid ?? []);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves with the exit status when the daemon has ended; `null` when a signal ended it. */
  async ended(): Promise<number | null> {
    await ended(this.#process, endMs);
    return this.#process.exitCode;
  }

  /** Ends the daemon as `kill` does. It must not have complained. */
  async stop(): Promise<void> {
    if (!this.#hasEnded) this.signal('SIGTERM');
    await this.ended();
    if (this.#stderr() !== '') throw new Error(`the daemon complained: ${this.#stderr()}`);
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #words(): string {
    return `${this.#stdout()}${this.#stderr()}`;
  }
}

/** Runs the built client. */
export function fcgictl(workspace: Workspace, config: string, ...args: readonly string[]): Promise<Finished> {
  return finish([process.execPath, clientProgram, '--config', config, ...args], {
    cwd: workspace.path,
    environment: plainEnvironment(workspace.path),
    timeoutMs: readyMs,
  });
}

/** Runs the built daemon to its end: for starts that fail, and for those into the background. */
export function runfcgid(workspace: Workspace, ...args: readonly string[]): Promise<Finished> {
  return finish([process.execPath, daemonProgram, ...args], {
    cwd: workspace.path,
    environment: plainEnvironment(workspace.path),
    timeoutMs: readyMs,
  });
}
