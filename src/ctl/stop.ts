import type { ControlClient } from '../control/client.ts';
import { exitStatus, RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import { processStart } from '../host/process-start.ts';
import type { DaemonSnapshot } from '../status/snapshot.ts';
import { findDaemon, isNotRunning, notRunning } from './control-socket.ts';
import { countOrphans } from './orphans.ts';
import { reportOutcomes } from './outcomes.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

/** A process of this pid that started so long before the daemon said it did is another one's. */
const longestStartUpMs = 60_000;
const pollMs = 20;

export interface StopOptions {
  /** Stop all pools and leave the daemon. */
  readonly keepDaemon: boolean;
  /** Kill at once, also what an earlier stop waits for. */
  readonly isNow: boolean;
}

/**
 * `fcgictl stop [POOL…]`: without names all pools, and then the daemon. Where no daemon runs, that is true already,
 * unless one that was killed left workers behind.
 */
export async function stop(
  names: readonly string[],
  options: StopOptions,
  request: CtlRequest,
): Promise<number> {
  const timeoutMs = request.timeoutMs ?? defaultWorkTimeoutMs;
  const client = await findDaemon(request, timeoutMs);
  const { terminal } = request;
  const onProgress = terminal.progress.bind(terminal);
  const how = options.isNow ? 'kill' : 'stop';
  try {
    if (names.length > 0 || options.keepDaemon) {
      const pools = names.length > 0 ? names : 'all';
      return reportOutcomes(await client.run(how, pools, onProgress), request);
    }
    const { daemon } = await client.status();
    const process = daemonProcess(daemon, request.clock);
    const outcomes = await client.shutDown(how, onProgress);
    terminal.announce('waiting for the daemon to end');
    await ended(client, process, { timeoutMs, clock: request.clock });
    const status = reportOutcomes(outcomes, request);
    if (!request.isJson) terminal.print('runfcgid has ended');
    return status;
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    const orphans = await countOrphans(client.socketPath);
    terminal.print(request.isJson ? JSON.stringify({ outcomes: [], orphans }) : notRunning(error, orphans));
    return orphans === 0 ? exitStatus.ok : exitStatus.failure;
  }
}

interface RunningProcess {
  readonly pid: number;
  readonly startMs: number;
}

/** The daemon's process as we see it; `undefined` when its pid means nothing here, as from outside its container. */
function daemonProcess({ pid, uptimeMs }: DaemonSnapshot, clock: Clock): RunningProcess | undefined {
  const startMs = processStart(pid);
  if (startMs === undefined) return undefined;
  const isDaemon = Math.abs(clock.wallTime().getTime() - uptimeMs - startMs) < longestStartUpMs;
  return isDaemon ? { pid, startMs } : undefined;
}

async function ended(
  client: ControlClient,
  process: RunningProcess | undefined,
  { timeoutMs, clock }: { readonly timeoutMs: number; readonly clock: Clock },
): Promise<void> {
  const deadlineMs = clock.now() + timeoutMs;
  while (isRunning(process) || (await isAnswering(client))) {
    if (clock.now() > deadlineMs) {
      throw new RunfcgidError('CONTROL_TIMEOUT', `the daemon has not ended within ${timeoutMs / 1_000} s`, {
        hint: 'All pools have stopped. Its log says what it waits for.',
      });
    }
    await clock.sleep(pollMs);
  }
}

function isRunning(process: RunningProcess | undefined): boolean {
  return process !== undefined && processStart(process.pid) === process.startMs;
}

async function isAnswering(client: ControlClient): Promise<boolean> {
  try {
    await client.status();
    return true;
  } catch {
    return false;
  }
}
