import { closeSync, openSync } from 'node:fs';

/** A descriptor kept open for nothing, until something must be opened in its place, and stay open. */
export class ReservedDescriptor {
  #fd: number | undefined;

  /** Does nothing when it is kept already, or when there is none to be had at present. */
  keep(): void {
    try {
      this.#fd ??= openSync('/dev/null', 'r');
    } catch {
      // Whoever opens something in its place has to say so.
    }
  }

  /** What is opened next gets it, unless another thread is faster. */
  release(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
