/** The only file that touches time. Deadlines are monotonic milliseconds. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary beginning. */
  now(): number;
  /** Wall time, for people. */
  wallTime(): Date;
  /** Calls `action` once when the deadline has passed; never early by the monotonic clock. */
  at(deadlineMs: number, action: () => void): Timer;
  /** Resolves when `durationMs` has passed, or rejects when `signal` is aborted. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Timer {
  cancel(): void;
}

/** setTimeout takes at most 2^31 - 1 ms and fires at once beyond (Node.js timers documentation). */
const longestTimeoutMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => new Date(),
  at: systemTimer,
  sleep: systemSleep,
};

function systemTimer(deadlineMs: number, action: () => void): Timer {
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const leftMs = deadlineMs - performance.now();
    handle = setTimeout(
      () => (performance.now() >= deadlineMs ? action() : arm()),
      Math.min(Math.max(Math.ceil(leftMs), 0), longestTimeoutMs),
    );
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}

function systemSleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = systemTimer(performance.now() + durationMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** CLOCK_MONOTONIC in microseconds (clock_gettime(2)), as systemd compares it with its own. */
export function monotonicMicroseconds(): bigint {
  return process.hrtime.bigint() / 1_000n;
}
