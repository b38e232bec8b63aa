import type { Clock } from '../host/clock.ts';
import type { Life } from './life.ts';
import type { WorkerOptions } from './worker-contract.ts';
import { graceMs } from './worker-policy.ts';

/** A fork server's worker serves after a few milliseconds; a look at all of /proc takes more than these. */
const startMs = 25;

/** Lives whose process has died suddenly and whose descendants have not: they are cleared away beside the next life. */
export class Remains {
  readonly #clock: Clock;
  readonly #options: Pick<WorkerOptions, 'lifecycle' | 'stop' | 'onChange'>;
  readonly #lives = new Set<Life>();

  constructor(clock: Clock, options: Pick<WorkerOptions, 'lifecycle' | 'stop' | 'onChange'>) {
    this.#clock = clock;
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#lives.size === 0;
  }

  get lives(): readonly Life[] {
    return [...this.#lives];
  }

  /** It counts as there until a look, which is up to `clear`, has shown that nothing is left of it. */
  add(life: Life): void {
    this.#lives.add(life);
  }

  /** Like `clear`, when the start of the next life does not need the processor for the look any more. */
  clearSoon(life: Life): void {
    this.#clock.at(this.#clock.now() + startMs, () => this.clear(life));
  }

  /** Gives what is left the graceful timeout to finish, or what a stop has left of it, then kills it. */
  clear(life: Life): void {
    const nowMs = this.#clock.now();
    const lifecycle = this.#options.lifecycle();
    if (lifecycle.orphans === 'signal') life.signalTree(lifecycle.stopSignal);
    // A stop that comes later ends later than this.
    const killAtMs = nowMs + graceMs(lifecycle, nowMs, this.#options.stop()?.endByMs);
    const timer = this.#clock.at(killAtMs, () => life.kill({ by: 'kill' }));
    life.whenTreeIsGone(() => {
      timer.cancel();
      this.#lives.delete(life);
      this.#options.onChange();
    });
  }

  kill(): void {
    for (const life of this.#lives) life.kill({ by: 'kill' });
  }
}
