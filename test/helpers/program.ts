import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Finished {
  /** `null` when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  /** The whole environment; PATH and HOME of the tests when left out. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

/** An environment that nothing of the machine leaks into. */
export function plainEnvironment(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, XDG_RUNTIME_DIR: home, LANG: 'C.UTF-8' };
}

/** Runs a program to its end. It is killed at the deadline (three minutes unless told otherwise). */
export async function finish(
  [program, ...args]: readonly [string, ...string[]],
  { cwd, environment = process.env, timeoutMs = 180_000 }: ProgramOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: stdout(), stderr: stderr() };
}

/** Like `finish`, for preparations that must succeed. Returns what was written to standard output. */
export async function mustFinish(
  command: readonly [string, ...string[]],
  options?: ProgramOptions,
): Promise<string> {
  const { status, stdout, stderr } = await finish(command, options);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}

/** Keeps what a stream says; the returned function tells it. */
export function collect(stream: ChildProcess['stdout']): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Resolves when the process has ended; at the deadline it is killed, and that is an error. */
export async function ended(child: ChildProcess, timeoutMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  await once(child, 'exit');
  clearTimeout(timer);
  if (isLate) throw new Error(`${child.spawnargs.join(' ')} had not ended after ${timeoutMs} ms`);
}
