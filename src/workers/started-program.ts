import { describeError, RunfcgidError } from '../errors.ts';
import { onChildExit } from '../host/child-exits.ts';
import { spawnProcess } from '../host/kernel/spawn.ts';
import { SystemCallError } from '../host/kernel.ts';
import { readProcess } from '../host/process-table.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { ExitStatus } from './exit-reason.ts';
import type { TreeProcess } from './launcher.ts';
import { markerVariable } from './process-tree.ts';
import { findProgram } from './program.ts';
import { withIdentity } from './setpriv.ts';
import { toExitStatus } from './wait-status.ts';

/** They change what a FastCGI program takes fd 0 for and whom it answers; a worker of ours must not inherit them. */
const scrubbedVariables = ['FCGI_WEB_SERVER_ADDRS', 'FCGI_FORCE_CGI'];

export interface ProgramStart {
  readonly plan: WorkerPlan;
  /** Marks the whole process tree. */
  readonly marker: string;
  /** What the process gets as its descriptors, from 0 on; `ignore` is /dev/null. */
  readonly descriptors: readonly (number | 'ignore')[];
  /** Set beside the plan's environment. */
  readonly variables: Readonly<Record<string, string>>;
  readonly onSpawned: (pid: number) => void;
  /** Never called before `startProgram` returns. */
  readonly onSpawnFailed: (error: Error) => void;
  readonly onExit: (exit: ExitStatus) => void;
}

/**
 * Runs a plan's command as a process of its own session, so that no signal for the daemon's terminal reaches it. Signal
 * dispositions are the default ones and the mask is empty.
 *
 * @returns `undefined` when there is no process; `onSpawnFailed` says why.
 */
export function startProgram(start: ProgramStart): TreeProcess | undefined {
  try {
    const command = withIdentity(findProgram(start.plan), start.plan);
    const pid = spawn(command, start);
    onChildExit(pid, (exit) => start.onExit(toExitStatus(exit)));
    // Whoever is told may rely on the ledger, which is written in a microtask.
    process.nextTick(start.onSpawned, pid);
    return { pid, startTime: startTimeOf(pid) };
  } catch (error) {
    if (!(error instanceof RunfcgidError)) throw error;
    queueMicrotask(() => start.onSpawnFailed(error));
    return undefined;
  }
}

/** Synchronous up to the exec, so that the umask of the daemon changes for nobody else. */
function spawn([program, ...args]: readonly [string, ...string[]], start: ProgramStart): number {
  const { plan, marker, variables, descriptors } = start;
  const daemonUmask = process.umask(plan.umask);
  try {
    return spawnProcess({
      program,
      args,
      directory: plan.directory,
      environment: { ...scrub(plan.environment), ...variables, [markerVariable]: marker },
      descriptors,
    });
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    throw spawnError(plan, error);
  } finally {
    process.umask(daemonUmask);
  }
}

function scrub(environment: WorkerPlan['environment']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !scrubbedVariables.includes(name)),
  );
}

/** A child that was not waited for yet has a row in /proc, be it dead. */
function startTimeOf(pid: number): number {
  const row = readProcess(pid);
  if (row !== undefined) return row.startTime;
  throw new RunfcgidError('DAEMON_PLATFORM', `/proc/${pid}/stat of a new worker cannot be read`, {
    hint: 'runfcgid needs a mounted /proc that shows its own workers.',
  });
}

function spawnError({ argv }: WorkerPlan, cause: SystemCallError): RunfcgidError {
  const hint = spawnHints[cause.errno] ?? cause.hint;
  const message = `the worker "${argv.join(' ')}" could not be started: ${describeError(cause)}`;
  return new RunfcgidError('SPAWN_FAILED', message, { cause, ...(hint === undefined ? {} : { hint }) });
}

const spawnHints: Readonly<Record<string, string>> = {
  E2BIG: 'Its arguments and environment are larger than the kernel allows (execve(2)).',
  EACCES: 'Look at the rights of the program, its directories, and the noexec flag of the file system.',
  EAGAIN: 'The user may not have more processes: raise TasksMax or RLIMIT_NPROC.',
  ENOMEM: 'The machine is out of memory.',
};
