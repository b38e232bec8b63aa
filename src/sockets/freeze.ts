import type { Clock } from '../host/clock.ts';
import { signalProcess } from '../host/process-signal.ts';
import { threadStates } from '../host/procfs.ts';
import { readTables } from '../host/socket-tables.ts';
import { ConnectionReader } from './connection-reader.ts';
import type { ListenSocket } from './endpoint.ts';
import { countAccepted, readOccupancy } from './occupancy.ts';

/** Named with its start time, so that nobody who has got its pid since is stopped (proc_pid_stat(5), field 22). */
export interface FreezableProcess {
  readonly pid: number;
  readonly startTime: number;
}

export interface FreezeOptions {
  /** The sockets that the worker accepts on, with others. */
  readonly sockets: readonly ListenSocket[];
  /** The worker and every descendant alive now. */
  readonly tree: () => readonly FreezableProcess[];
  readonly clock: Clock;
  /**
   * What the processes of an idle worker get, while they are frozen; nothing for `undefined`. SIGKILL when absent.
   * Another signal takes effect before they can accept again.
   */
  readonly chooseSignal?: (pids: readonly number[]) => NodeJS.Signals | undefined;
}

/** `idle`: it held no connection and was signaled. `busy`, `unknown`: it goes on, try again later. `gone`: no process. */
export type FreezeOutcome = 'idle' | 'busy' | 'unknown' | 'gone';

/** Threads in uninterruptible sleep stop later; a worker is not kept frozen for their sake. */
const freezeTimeoutMs = 250;
const lookIntervalMs = 1;
/** Stopped, traced, ended, dead (proc_pid_stat(5)): none of them can accept a connection. */
const stillStates = 'TtZX';

/**
 * Retires a worker of a socket that others go on serving: stops the whole tree in the middle of whatever it
 * does, looks whether it holds a connection, and signals it only if not. A stopped process is never inside
 * accept(2) with a connection in its hands: the stop takes effect on the way out of the kernel.
 */
export async function signalIfIdle({
  sockets,
  tree,
  clock,
  chooseSignal = () => 'SIGKILL',
}: FreezeOptions): Promise<FreezeOutcome> {
  const frozen = new Map<number, FreezableProcess>();
  let isKilled = false;
  try {
    const isStill = await freeze(tree, frozen, clock);
    if (frozen.size === 0) return 'gone';
    if (!isStill) return 'unknown';
    const outcome = look(sockets, [...frozen.keys()]);
    if (outcome !== 'idle') return outcome;
    const signal = chooseSignal([...frozen.keys()]);
    if (signal !== undefined) for (const each of frozen.values()) signalProcess(each, signal);
    isKilled = signal === 'SIGKILL';
    return outcome;
  } finally {
    if (!isKilled) for (const each of frozen.values()) signalProcess(each, 'SIGCONT');
  }
}

// Again for processes that were forked before their parent stopped.
async function freeze(
  tree: () => readonly FreezableProcess[],
  frozen: Map<number, FreezableProcess>,
  clock: Clock,
): Promise<boolean> {
  const deadlineMs = clock.now() + freezeTimeoutMs;
  for (;;) {
    const fresh = tree().filter(({ pid }) => !frozen.has(pid));
    for (const each of fresh) if (signalProcess(each, 'SIGSTOP') === 'sent') frozen.set(each.pid, each);
    const isStill = [...frozen.keys()].every((pid) =>
      threadStates(pid).every((state) => stillStates.includes(state)),
    );
    if (isStill && fresh.length === 0) return true;
    if (clock.now() >= deadlineMs) return false;
    if (!isStill) await clock.sleep(lookIntervalMs);
  }
}

function look(sockets: readonly ListenSocket[], pids: readonly number[]): 'idle' | 'busy' | 'unknown' {
  const watched = sockets.map((socket) => ({ socket, pids: () => pids }));
  const occupancies = readOccupancy(watched, new ConnectionReader(), readTables());
  if (occupancies.some((occupancy) => countAccepted(occupancy) > 0)) return 'busy';
  return occupancies.some(({ unknown }) => unknown.length > 0) ? 'unknown' : 'idle';
}
