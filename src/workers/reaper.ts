import type { Clock } from '../host/clock.ts';
import { becomeSubreaper, reap, type WaitStatus } from '../host/kernel/processes.ts';
import { isAlive, type ProcessRow, readProcessTable } from '../host/process-table.ts';

export interface Reaped {
  readonly pid: number;
  readonly status: WaitStatus;
}

/**
 * How long a dead child must have lain there before it is taken for an orphan. Node hears of its own through a signal
 * handler that may run on any of its threads, which on a busy machine takes its time.
 */
const settleMs = 1_000;

/**
 * Adopts the orphans of our workers and collects them when they end. Node's own children are left to Node: it waits
 * for each of them by pid as soon as its event loop hears of SIGCHLD, so a dead child that is still there a second and
 * a turn of the loop later is none of Node's. waitpid(-1) would take Node's exits from it.
 */
export class Reaper {
  readonly #clock: Clock;
  readonly #onReaped: (reaped: Reaped) => void;
  readonly #onSignal = (): void => this.#begin();
  #isLooking = false;

  constructor(clock: Clock, onReaped: (reaped: Reaped) => void) {
    this.#clock = clock;
    this.#onReaped = onReaped;
  }

  /**
   * From now on orphans come to us. Call once, before the first worker.
   *
   * @throws RunfcgidError KERNEL, DAEMON_PLATFORM
   */
  start(): void {
    becomeSubreaper();
    process.on('SIGCHLD', this.#onSignal);
    // Children that were there before us, in a container or after an exec, may have ended already.
    this.#begin();
  }

  stop(): void {
    process.off('SIGCHLD', this.#onSignal);
  }

  /** Several deaths may be one signal (signal(7): standard signals do not queue); each look finds them all. */
  #begin(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(() => this.#look(new Set()));
  }

  #look(before: ReadonlySet<string>): void {
    const left = deadChildren().filter((child) => !(before.has(nameOf(child)) && this.#collect(child)));
    this.#isLooking = left.length > 0;
    if (!this.#isLooking) return;
    const seen = new Set(left.map(nameOf));
    this.#clock.at(this.#clock.now() + settleMs, () => afterLoopTurn(() => this.#look(seen)));
  }

  #collect({ pid }: ProcessRow): boolean {
    const status = reap(pid);
    if (typeof status === 'object') this.#onReaped({ pid, status });
    return status !== 'running';
  }
}

function deadChildren(): readonly ProcessRow[] {
  return [...readProcessTable().values()].filter((row) => row.parent === process.pid && !isAlive(row));
}

function nameOf({ pid, startTime }: ProcessRow): string {
  return `${pid}/${startTime}`;
}

/**
 * Immediates run after the poll phase, in which Node hears of SIGCHLD and collects its own. The first may belong to a
 * turn whose poll phase is over; before the second there was a whole one.
 */
function afterLoopTurn(action: () => void): void {
  setImmediate(() => setImmediate(action));
}
