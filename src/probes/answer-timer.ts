import type { Clock, Timer } from '../host/clock.ts';

export interface AnswerLimits {
  /** Monotonic milliseconds. */
  readonly deadlineMs?: number | undefined;
  /** The longest silence, in milliseconds. */
  readonly idleTimeoutMs?: number | undefined;
}

/** Watches over an answer: it must be complete by a deadline, and the peer must not be silent for too long. */
export class AnswerTimer {
  readonly #clock: Clock;
  readonly #limits: AnswerLimits;
  readonly #onTimeout: (words: string) => void;
  #timer: Timer | undefined;
  #lastActivityMs: number;
  #isHeld = false;

  /** `onTimeout` is called at most once, with words such as "was silent for 60 s". */
  constructor(clock: Clock, limits: AnswerLimits, onTimeout: (words: string) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#onTimeout = onTimeout;
    this.#lastActivityMs = clock.now();
    this.#arm();
  }

  noteActivity(): void {
    this.#lastActivityMs = this.#clock.now();
  }

  /** While we hold the peer back ourselves its silence does not count; the deadline does. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.noteActivity();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** One timer that looks at the clock when it fires is cheaper than one set anew for each packet. */
  #arm(): void {
    const dueMs = Math.min(this.#limits.deadlineMs ?? Number.POSITIVE_INFINITY, this.#idleDueMs());
    if (dueMs !== Number.POSITIVE_INFINITY) this.#timer = this.#clock.at(dueMs, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#clock.now();
    if (nowMs >= (this.#limits.deadlineMs ?? Number.POSITIVE_INFINITY))
      this.#onTimeout('did not finish in time');
    else if (nowMs >= this.#idleDueMs()) this.#onTimeout(`was silent for ${this.#idleSeconds()} s`);
    else this.#arm();
  }

  #idleDueMs(): number {
    const { idleTimeoutMs } = this.#limits;
    if (idleTimeoutMs === undefined) return Number.POSITIVE_INFINITY;
    return (this.#isHeld ? this.#clock.now() : this.#lastActivityMs) + idleTimeoutMs;
  }

  #idleSeconds(): number {
    return (this.#limits.idleTimeoutMs ?? 0) / 1000;
  }
}
