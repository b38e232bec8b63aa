import { closeSync, openSync } from 'node:fs';
import { explainOutOfFiles } from '../errors.ts';

/** As many as one of those looks has open at a time, and one more for another thread that is faster than we. */
const wanted = 4;

let isKeeping = false;
const spares: number[] = [];
let isRefillDue = false;

/**
 * From now on some descriptors are kept open for nothing, to be given up when no other is left: a daemon that may not
 * have more open files must still see its workers, signal them, and stop. To be called once, by the daemon.
 */
export function keepSpareDescriptors(): void {
  isKeeping = true;
  refill();
}

/**
 * Opens one descriptor, if need be in the place of a spare one: for what is closed again before the caller returns to
 * the event loop, such as a file in /proc. `open` is called again when it has failed for want of a descriptor.
 *
 * @throws whatever `open` throws.
 */
export function openWithSpare<Result>(open: () => Result): Result {
  for (;;) {
    try {
      return open();
    } catch (error) {
      if (explainOutOfFiles(error) === undefined || !giveUpOne()) throw error;
    }
  }
}

function giveUpOne(): boolean {
  if (!isKeeping) return false;
  if (!isRefillDue) {
    isRefillDue = true;
    // Before the event loop can open anything else in their place, a connection for example.
    process.nextTick(refill);
  }
  const spare = spares.pop();
  if (spare === undefined) return false;
  closeSync(spare);
  return true;
}

/** What cannot be had now is tried again when the next one is missed. */
function refill(): void {
  isRefillDue = false;
  try {
    while (spares.length < wanted) spares.push(openSync('/dev/null', 'r'));
  } catch {
    // Another thread was faster.
  }
}
