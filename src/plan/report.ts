import type { KeyPath, Place, Problem } from '../config/problem.ts';

export interface Advice {
  readonly hint?: string;
  readonly elsewhere?: Place;
}

/** Collects what is wrong or doubtful about one table of the configuration. */
export class Report {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** The pool, or the daemon, cannot be run like this. `key` is relative to the table. */
  problem(key: KeyPath, message: string, advice: Advice = {}): void {
    this.problems.push({ ...this.place(key), message, ...advice });
  }

  /** It can be run, and is probably not what was meant. */
  warn(key: KeyPath, message: string, advice: Advice = {}): void {
    this.warnings.push({ ...this.place(key), message, ...advice });
  }

  place(key: KeyPath): Place {
    return { file: this.#place.file, path: [...this.#place.path, ...key] };
  }
}
