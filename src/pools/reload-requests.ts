export type ReloadOutcome =
  | { readonly kind: 'switched'; readonly generation: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly output: readonly string[] }
  /** The pool was stopped, or the reload was taken back, before there was an answer. */
  | { readonly kind: 'cancelled'; readonly reason: string };

type Waiter = (outcome: ReloadOutcome) => void;

/**
 * Who waits for which reload. Requests that come while a candidate is being proven may be about newer code than
 * it has read: they wait, all together, for one more reload after it.
 */
export class ReloadRequests {
  #waiting: Waiter[] = [];
  #served: Waiter[] = [];
  #isWanted = false;

  /** True when a candidate should be opened as soon as there is none. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Asks for a reload. */
  add(): Promise<ReloadOutcome> {
    this.#isWanted = true;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Asks for what the present candidate is opened for; to be called while there is one. */
  join(): Promise<ReloadOutcome> {
    return new Promise((resolve) => this.#served.push(resolve));
  }

  /** A candidate is being opened for everybody who waits now. */
  begin(): void {
    this.#isWanted = false;
    this.#served.push(...this.#waiting);
    this.#waiting = [];
  }

  /** Answers those whom the present candidate was opened for. */
  settle(outcome: ReloadOutcome): void {
    const served = this.#served;
    this.#served = [];
    for (const answer of served) answer(outcome);
  }

  /** Answers everybody, and forgets that a reload was wanted. */
  cancel(reason: string): void {
    this.begin();
    this.settle({ kind: 'cancelled', reason });
  }
}
