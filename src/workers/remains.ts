import type { Clock } from '../host/clock.ts';
import type { LifecyclePlan } from '../plan/plan.ts';
import type { Life } from './life.ts';

/** A fork server's worker serves after a few milliseconds; a look at all of /proc takes more than these. */
const startMs = 25;

/** Lives whose process has died suddenly and whose descendants have not: they are cleared away beside the next life. */
export class Remains {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #lives = new Set<Life>();

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
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
  clearSoon(life: Life, lifecycle: LifecyclePlan): void {
    this.#clock.at(this.#clock.now() + startMs, () => this.clear(life, lifecycle));
  }

  /** Gives what is left the graceful timeout to finish, then kills it. */
  clear(life: Life, { orphans, stopSignal, gracefulTimeoutMs }: LifecyclePlan): void {
    if (orphans === 'signal') life.signalTree(stopSignal);
    const timer = this.#clock.at(this.#clock.now() + gracefulTimeoutMs, () => life.kill({ by: 'kill' }));
    life.whenTreeIsGone(() => {
      timer.cancel();
      this.#lives.delete(life);
      this.#onChange();
    });
  }

  kill(): void {
    for (const life of this.#lives) life.kill({ by: 'kill' });
  }
}
