import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { describeError, RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import { signalProcess } from '../host/process-signal.ts';
import { readProcess } from '../host/process-table.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import { readChannel } from './engine-channel.ts';
import type { ExitStatus } from './exit-reason.ts';
import type { Launcher, LaunchRequest, WorkerProcess } from './launcher.ts';
import { longestLogLine, readLines, showLine } from './output.ts';
import { OutputPipe } from './output-pipe.ts';
import { markerVariable, ProcessTree } from './process-tree.ts';
import { findProgram } from './program.ts';
import { withIdentity } from './setpriv.ts';

/** How long a worker's last output is waited for when a descendant of it keeps the pipes open. */
const outputMomentMs = 100;

/** They change what a FastCGI program takes fd 0 for and whom it answers; a worker of ours must not inherit them. */
const scrubbedVariables = ['FCGI_WEB_SERVER_ADDRS', 'FCGI_FORCE_CGI'];

/** The engine's channel. */
const channelDescriptor = 3;

type Output = readonly [stdout: OutputPipe, stderr: OutputPipe];
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
      const output = openOutput(request.plan);
      try {
        const subprocess = spawn(command, output, request);
        if (subprocess.pid === undefined) return this.#reportFailure(subprocess, request);
        return this.#attend(
          subprocess,
          subprocess.pid,
          this.#readOutput(output, subprocess, request),
          request,
        );
      } finally {
        for (const pipe of output) pipe.closeWriteEnd();
      }
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      queueMicrotask(() => request.onSpawnFailed(error));
      return noProcess;
    }
  }

  #reportFailure(subprocess: Subprocess, { plan, onSpawnFailed }: LaunchRequest): WorkerProcess {
    void subprocess.then((result) => onSpawnFailed(spawnError(plan, result.cause)));
    return noProcess;
  }

  #attend(
    subprocess: Subprocess,
    pid: number,
    outputEnd: Promise<void>,
    request: LaunchRequest,
  ): WorkerProcess {
    const root = { pid, startTime: startTimeOf(pid) };
    const tree = new ProcessTree(root, request.marker);
    subprocess.once('spawn', () => request.onSpawned(pid));
    subprocess.once('exit', (code, signal) => {
      void this.#atMost(outputMomentMs, outputEnd).then(() => request.onExit(toExitStatus(code, signal)));
    });
    return {
      pid,
      signal: (signal) => signalProcess(root, signal) !== 'gone',
      tree: () => tree.alive(),
      signalTree: (signal) => tree.signal(signal),
      killTree: () => tree.kill(),
    };
  }

  /** Resolves when everything is read. Descendants that outlive the worker are read on. */
  async #readOutput([stdout, stderr]: Output, { stdio }: Subprocess, request: LaunchRequest): Promise<void> {
    const clock = this.#clock;
    const { onLine, onMessage } = request;
    const read = ({ stream }: OutputPipe, name: 'stdout' | 'stderr'): Promise<void> =>
      readLines({ stream, longest: longestLogLine, clock, onLine: (line) => onLine(name, showLine(line)) });
    const channel = (stdio as readonly (Readable | null)[])[channelDescriptor];
    await Promise.all([
      read(stdout, 'stdout'),
      read(stderr, 'stderr'),
      channel &&
        readChannel({ stream: channel, clock, onMessage, onProblem: (problem) => onLine('stderr', problem) }),
    ]);
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
  signal: () => false,
  tree: () => [],
  signalTree: () => 0,
  killTree: () => 0,
};

function openOutput({ identity }: WorkerPlan): Output {
  const stdout = new OutputPipe(identity);
  try {
    return [stdout, new OutputPipe(identity)];
  } catch (error) {
    stdout.closeWriteEnd();
    throw error;
  }
}

/** Synchronous up to the exec, so that the umask of the daemon changes for nobody else. */
function spawn(
  [program, ...args]: readonly [string, ...string[]],
  output: Output,
  { plan, marker, listenFd }: LaunchRequest,
) {
  const daemonUmask = process.umask(plan.umask);
  try {
    // Execa takes any descriptor; its types know the three standard ones.
    const standard = [listenFd as 0, output[0].writeEnd as 1, output[1].writeEnd as 2] as const;
    return execa(program, args, {
      cwd: plan.directory,
      env: workerEnvironment(plan, marker),
      extendEnv: false,
      stdio: plan.hasChannel ? [...standard, 'pipe'] : standard,
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

function workerEnvironment({ environment }: WorkerPlan, marker: string): Record<string, string> {
  const kept = Object.entries(environment).filter(([name]) => !scrubbedVariables.includes(name));
  return { ...Object.fromEntries(kept), [markerVariable]: marker };
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
