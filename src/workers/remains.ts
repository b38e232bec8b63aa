import type { Clock } from '../host/clock.ts';
import type { LifecyclePlan } from '../plan/plan.ts';
import type { Life } from './life.ts';

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

  /** Gives what is left the graceful timeout to finish, then kills it. */
  add(life: Life, { orphans, stopSignal, gracefulTimeoutMs }: LifecyclePlan): void {
    if (orphans === 'signal') life.signalTree(stopSignal);
    this.#lives.add(life);
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
