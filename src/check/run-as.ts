import { execa } from 'execa';
import type { WorkerPlan } from '../plan/plan.ts';
import { withIdentity } from '../workers/setpriv.ts';
import type { RunResult } from './readers.ts';

/** A traceback is far shorter; whatever prints more is not what we asked. */
const longestOutput = 256 * 1024;

/**
 * Runs a program to its end as a worker of the plan would run it: its user, directory and environment, without a
 * shell. SIGKILL ends it when the time is up, or when it prints more than anybody would read.
 *
 * @throws RunfcgidError SPAWN_FAILED when the user cannot be changed.
 */
export async function runAs(
  worker: WorkerPlan,
  argv: readonly [string, ...string[]],
  timeoutMs: number,
): Promise<RunResult> {
  const [program, ...args] = withIdentity(argv[0], { ...worker, argv });
  const subprocess = execa(program, args, {
    cwd: worker.directory,
    env: worker.environment,
    extendEnv: false,
    stdin: 'ignore',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: longestOutput,
    stripFinalNewline: false,
    reject: false,
  });
  const { exitCode, timedOut, stdout, stderr } = await subprocess;
  const outcome = subprocess.pid === undefined ? 'not-started' : timedOut ? 'timed-out' : 'exited';
  return { outcome, status: exitCode, stdout, stderr };
}
