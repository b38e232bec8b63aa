import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `look` returns something truthy (and not NaN), and returns that; fails after the deadline.
 * For conditions of the operating system that send no event. A deadline costs nothing where the condition comes true:
 * it is one that only a hang exceeds.
 */
export async function until<Value>(
  look: () => Value | Promise<Value>,
  deadlineMs = 60_000,
): Promise<NonNullable<Value>> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > endMs) throw new Error(`still not so after ${deadlineMs} ms: ${look}`);
    await sleep(10);
  }
}
