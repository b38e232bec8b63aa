import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type ErrorMessage, fromErrorMessage, toErrorMessage } from '../error-message.ts';
import { RunfcgidError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { replaceDescriptor } from './kernel/processes.ts';

/** Tells the copy which descriptor leads to its launcher; daemon(7) asks for a word when the start is over. */
const variable = 'RUNFCGID_LAUNCHER_FD';
const descriptor = 3;
const standardError = 2;
const outputLimit = 64 * 1024;

export interface LaunchOptions {
  /** Script and arguments, as in `process.argv` without the interpreter. */
  readonly argv: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** How long the copy may take until it reports. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface Launched {
  readonly pid: number;
  /** What the operator should know although the daemon runs: pools that did not start. */
  readonly problems: readonly string[];
}

/** The other half, in the copy: the first report counts, and ends the launcher. */
export interface Launcher {
  ready(problems: readonly string[]): void;
  failed(error: unknown): void;
}

type Report = { readonly ready: readonly string[] } | { readonly failed: ErrorMessage };

/**
 * Starts a copy of this program without a terminal, in a session of its own, and waits until it reports. Its
 * standard input and output are /dev/null, and so is its standard error once it has reported.
 *
 * @throws RunfcgidError what the copy reported; DAEMON_START_FAILED with its last words when it ended without a
 *   report; CONTROL_TIMEOUT when it has not reported in time and goes on starting.
 */
export async function launchDetached(options: LaunchOptions): Promise<Launched> {
  // Loaded by those who need it: the daemon does not.
  const { spawn } = await import('node:child_process');
  // Heard from before there is a copy on: a signal that ended this process in between would leave it behind.
  const giveUp = (): void => void copy.kill('SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, giveUp);
  const copy = spawn(process.execPath, [...process.execArgv, ...options.argv], {
    detached: true,
    env: { ...options.environment, [variable]: String(descriptor) },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  try {
    const { pid } = await started(copy);
    return { pid, problems: await reported(copy, options) };
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, giveUp);
    copy.stderr?.destroy();
    pipeOf(copy).destroy();
    copy.unref();
  }
}

/**
 * Finds the launcher of this process, if it is a copy made by `launchDetached`. Call it early: the variable is
 * taken out of the environment, so that workers do not see it.
 */
export function findLauncher(environment: NodeJS.ProcessEnv): Launcher | undefined {
  const isCopy = environment[variable] === String(descriptor);
  delete environment[variable];
  if (!isCopy) return undefined;
  let hasReported = false;
  const report = (message: Report): void => {
    if (hasReported) return;
    hasReported = true;
    // The directory the operator happened to be in must not stay busy (daemon(7)).
    if ('ready' in message) process.chdir('/');
    tellLauncher(message);
  };
  return {
    ready: (problems) => report({ ready: problems }),
    failed: (error) => report({ failed: toErrorMessage(error) }),
  };
}

function tellLauncher(report: Report): void {
  // Before the launcher hears it and goes, and the pipe of standard error breaks.
  if ('ready' in report) silenceStandardError();
  try {
    writeSync(descriptor, `${JSON.stringify(report)}\n`);
  } catch {
    // The launcher was ended; the daemon does not need it.
  }
  closeSync(descriptor);
}

function silenceStandardError(): void {
  const nowhere = openSync('/dev/null', 'w');
  replaceDescriptor(standardError, nowhere);
  closeSync(nowhere);
}

function started(copy: ChildProcess): Promise<{ readonly pid: number }> {
  return new Promise((resolve, reject) => {
    copy.once('error', (cause) =>
      reject(new RunfcgidError('DAEMON_START_FAILED', 'the daemon cannot be started', { cause })),
    );
    copy.once('spawn', () => resolve({ pid: Number(copy.pid) }));
  });
}

async function reported(copy: ChildProcess, options: LaunchOptions): Promise<readonly string[]> {
  const ended = new Promise<string>((resolve) => {
    copy.once('close', (status, signal) =>
      resolve(signal === null ? `with status ${status}` : `by ${signal}`),
    );
  });
  const words = collect(copy.stderr);
  const report = parseReport(await withinTime(readAll(pipeOf(copy)), copy, options));
  if (report === undefined) {
    throw new RunfcgidError('DAEMON_START_FAILED', `the daemon ended ${await ended} before it was ready`, {
      cause: words().trim() || 'it said nothing',
    });
  }
  if ('ready' in report) return report.ready;
  // Two daemons must not overlap for a moment when the operator tries again.
  await withinTime(ended, copy, options);
  throw (
    fromErrorMessage(report.failed) ?? new RunfcgidError('DAEMON_START_FAILED', 'the daemon did not start')
  );
}

function withinTime<Value>(
  promise: Promise<Value>,
  copy: ChildProcess,
  options: LaunchOptions,
): Promise<Value> {
  const { clock, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const timer = clock.at(clock.now() + timeoutMs, () =>
      reject(
        new RunfcgidError('CONTROL_TIMEOUT', `the daemon is still starting after ${timeoutMs / 1_000} s`, {
          hint: `It goes on as process ${copy.pid}: see "fcgictl status".`,
        }),
      ),
    );
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}

function pipeOf(copy: ChildProcess): Readable {
  return copy.stdio[descriptor] as Readable;
}

async function readAll(pipe: Readable): Promise<string> {
  pipe.setEncoding('utf8');
  let text = '';
  for await (const chunk of pipe) text += chunk;
  return text;
}

/** Keeps the last words while they come. */
function collect(stream: Readable | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    text = (text + chunk).slice(-outputLimit);
  });
  return () => text;
}

function parseReport(text: string): Report | undefined {
  return text.endsWith('\n') ? (JSON.parse(text) as Report) : undefined;
}
