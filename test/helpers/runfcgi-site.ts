import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { ControlClient } from '../../src/control/client.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { StatusSnapshot } from '../../src/status/snapshot.ts';
import { repository } from './daemon.ts';
import { systemPython } from './demo-site.ts';
import { writeDjangoProject } from './django-project.ts';
import { killIfThere } from './kill-if-there.ts';
import { collect, ended, type Finished, finish, plainEnvironment } from './program.ts';
import { until } from './until.ts';
import type { Workspace } from './workspace.ts';

const daemonProgram = `${repository}/bin/runfcgid.js`;
const clientProgram = `${repository}/bin/fcgictl.js`;
const endMs = 60_000;

export interface Foreground {
  readonly pid: number;
  output(): string;
  /** Resolves with the exit status; `null` when a signal ended it. */
  ended(): Promise<number | null>;
}

/** A small Django project, and `runfcgid runfcgi` in its directory. */
export class RunfcgiSite {
  readonly directory: string;
  /** Where the site's state is. */
  readonly state: string;
  readonly #workspace: Workspace;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.directory = writeDjangoProject(workspace);
    this.state = workspace.file('state');
    workspace.onClose(() => this.#stopAll());
  }

  /** Runs the command to its end: until the prompt is back. */
  start(...words: readonly string[]): Promise<Finished> {
    return finish([process.execPath, daemonProgram, ...this.#words(words)], {
      cwd: this.directory,
      environment: this.#environment(),
    });
  }

  /** Starts the command and leaves it running in the foreground. */
  startInForeground(...words: readonly string[]): Foreground {
    const child = spawn(process.execPath, [daemonProgram, ...this.#words(words), 'daemonize=false'], {
      cwd: this.directory,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    return {
      pid: Number(child.pid),
      output: () => stdout() + stderr(),
      ended: async () => {
        await ended(child, endMs);
        return child.exitCode;
      },
    };
  }

  fcgictl(...args: readonly string[]): Promise<Finished> {
    return finish([process.execPath, clientProgram, '--socket', `${this.state}/control.sock`, ...args], {
      environment: this.#environment(),
    });
  }

  status(): Promise<StatusSnapshot> {
    const socketPath = `${this.state}/control.sock`;
    return new ControlClient({ socketPath, timeoutMs: endMs, clock: systemClock }).status();
  }

  async workerPids(): Promise<readonly number[]> {
    const { pools } = await this.status();
    return pools.flatMap(({ workers }) => workers.flatMap(({ pid }) => pid ?? []));
  }

  get log(): string {
    const file = `${this.state}/runfcgid.log`;
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Every process of the command, the launcher included. */
  daemons(): readonly number[] {
    return this.#workspace
      .processes()
      .flatMap(({ pid, command }) => (command.includes('runfcgid.js') ? [pid] : []));
  }

  /** As the operator does, with the pid from the pidfile. */
  async kill(pid: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    process.kill(pid, signal);
    await until(() => !this.daemons().includes(pid), endMs);
  }

  async #stopAll(): Promise<void> {
    // INT, because nobody comes after them.
    for (const pid of this.daemons()) killIfThere(pid, 'SIGINT');
    await until(() => this.daemons().length === 0, endMs);
  }

  #words(words: readonly string[]): readonly string[] {
    const hasPython = words.some((word) => word.startsWith('python='));
    return [
      'runfcgi',
      ...words,
      `runtime_dir=${this.state}`,
      ...(hasPython ? [] : [`python=${systemPython}`]),
    ];
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...plainEnvironment(this.#workspace.path), PYTHONDONTWRITEBYTECODE: '1' };
  }
}
