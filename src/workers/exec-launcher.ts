import { execa } from 'execa';
import { describeError, RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import { signalProcess } from '../host/process-signal.ts';
import { readProcess } from '../host/process-table.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { ExitStatus } from './exit-reason.ts';
import type { Launcher, LaunchRequest, WorkerProcess } from './launcher.ts';
import { markerVariable, ProcessTree } from './process-tree.ts';
import { findProgram } from './program.ts';
import { withIdentity } from './setpriv.ts';
import { engineDescriptors, WorkerStdio } from './worker-stdio.ts';

/** How long a worker's last output is waited for when a descendant of it keeps the pipes open. */
const outputMomentMs = 100;

/** They change what a FastCGI program takes fd 0 for and whom it answers; a worker of ours must not inherit them. */
const scrubbedVariables = ['FCGI_WEB_SERVER_ADDRS', 'FCGI_FORCE_CGI'];

type Subprocess = ReturnType<typeof spawn>;

/**
 * Runs a plan's command as a process of its own session, with the listen socket as fd 0, both outputs read line by
 * line and, where the plan has one, the engine's channel on fd 3.
 *
 * Signal dispositions are the default ones and the mask is empty: libuv resets both between fork and exec.
 */
export class ExecLauncher implements Launcher {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  launch(request: LaunchRequest): WorkerProcess {
    try {
      const command = withIdentity(findProgram(request.plan), request.plan);
      const stdio = new WorkerStdio(request.plan);
      try {
        const subprocess = spawn(command, stdio, request);
        if (subprocess.pid === undefined) return this.#reportFailure(subprocess, stdio, request);
        return this.#attend(subprocess, subprocess.pid, stdio, request);
      } finally {
        stdio.closeWorkerEnds();
      }
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      queueMicrotask(() => request.onSpawnFailed(error));
      return noProcess;
    }
  }

  #reportFailure(
    subprocess: Subprocess,
    stdio: WorkerStdio,
    { plan, onSpawnFailed }: LaunchRequest,
  ): WorkerProcess {
    stdio.scoreboard?.close();
    void subprocess.then((result) => onSpawnFailed(spawnError(plan, result.cause)));
    return noProcess;
  }

  #attend(subprocess: Subprocess, pid: number, stdio: WorkerStdio, request: LaunchRequest): WorkerProcess {
    const outputEnd = stdio.read(this.#clock, request);
    const root = { pid, startTime: startTimeOf(pid) };
    const tree = new ProcessTree(root, request.marker);
    subprocess.once('spawn', () => request.onSpawned(pid));
    subprocess.once('exit', (code, signal) => {
      void this.#atMost(outputMomentMs, outputEnd).then(() => request.onExit(toExitStatus(code, signal)));
    });
    return {
      pid,
      scoreboard: stdio.scoreboard,
      signal: (signal) => signalProcess(root, signal) !== 'gone',
      tree: () => tree.alive(),
      signalTree: (signal) => tree.signal(signal),
      killTree: () => tree.kill(),
    };
  }

  async #atMost(durationMs: number, work: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#clock.at(this.#clock.now() + durationMs, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

const noProcess: WorkerProcess = {
  pid: undefined,
  scoreboard: undefined,
  signal: () => false,
  tree: () => [],
  signalTree: () => 0,
  killTree: () => 0,
};

/** Synchronous up to the exec, so that the umask of the daemon changes for nobody else. */
function spawn(
  [program, ...args]: readonly [string, ...string[]],
  stdio: WorkerStdio,
  { plan, marker, listenFd }: LaunchRequest,
) {
  const daemonUmask = process.umask(plan.umask);
  try {
    return execa(program, args, {
      cwd: plan.directory,
      env: workerEnvironment(plan, marker),
      extendEnv: false,
      // Execa takes any descriptor; its types know the three standard ones.
      stdio: [listenFd, ...stdio.workerEnds] as [0, 1, 2],
      // setsid(2): a session of its own, so that no signal for the daemon's terminal reaches the worker.
      detached: true,
      buffer: false,
      cleanup: false,
      reject: false,
    });
  } finally {
    process.umask(daemonUmask);
  }
}

function workerEnvironment({ environment, engine }: WorkerPlan, marker: string): Record<string, string> {
  const kept = Object.entries(environment).filter(([name]) => !scrubbedVariables.includes(name));
  return { ...Object.fromEntries(kept), ...(engine && engineDescriptors), [markerVariable]: marker };
}

/** A child that was not waited for yet has a row in /proc, be it dead. */
function startTimeOf(pid: number): number {
  const row = readProcess(pid);
  if (row !== undefined) return row.startTime;
  throw new RunfcgidError('DAEMON_PLATFORM', `/proc/${pid}/stat of a new worker cannot be read`, {
    hint: 'runfcgid needs a mounted /proc that shows its own workers.',
  });
}

function toExitStatus(code: number | null, signal: NodeJS.Signals | null): ExitStatus {
  return signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'signaled', signal };
}

function spawnError({ argv }: WorkerPlan, cause: unknown): RunfcgidError {
  const code = String((cause as NodeJS.ErrnoException | undefined)?.code);
  const hint = spawnHints[code];
  const message = `the worker "${argv.join(' ')}" could not be started: ${describeError(cause)}`;
  return new RunfcgidError('SPAWN_FAILED', message, { cause, ...(hint === undefined ? {} : { hint }) });
}

const spawnHints: Readonly<Record<string, string>> = {
  E2BIG: 'Its arguments and environment are larger than the kernel allows (execve(2)).',
  EACCES: 'Look at the rights of the program, its directories, and the noexec flag of the file system.',
  EAGAIN: 'The user may not have more processes: raise TasksMax or RLIMIT_NPROC.',
  EMFILE: 'The daemon may not have more open files: raise LimitNOFILE.',
  ENFILE: 'The system may not have more open files: raise fs.file-max.',
  ENOMEM: 'The machine is out of memory.',
};
