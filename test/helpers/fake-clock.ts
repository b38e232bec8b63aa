import type { Clock, Timer } from '../../src/host/clock.ts';

interface Waiting {
  readonly deadlineMs: number;
  readonly action: () => void;
}

/** Virtual time: nothing passes until `advance` is called. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #waiting: Waiting[] = [];

  now(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs);
  }

  at(deadlineMs: number, action: () => void): Timer {
    const waiting = { deadlineMs, action };
    this.#waiting.push(waiting);
    return {
      cancel: () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
      },
    };
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.at(this.#nowMs + durationMs, resolve);
      signal?.addEventListener('abort', () => {
        timer.cancel();
        reject(signal.reason);
      });
    });
  }

  /** Number of timers not yet fired. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** Moves time on, firing what falls due in order, and lets promises settle in between. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      const due = this.#waiting
        .filter((waiting) => waiting.deadlineMs <= endMs)
        .sort((one, other) => one.deadlineMs - other.deadlineMs)[0];
      if (due === undefined) break;
      this.#waiting = this.#waiting.filter((waiting) => waiting !== due);
      this.#nowMs = Math.max(this.#nowMs, due.deadlineMs);
      due.action();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await Promise.resolve();
}
