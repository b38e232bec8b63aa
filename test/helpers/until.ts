import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `look` returns something truthy (and not NaN), and returns that; fails after the deadline.
 * For conditions of the operating system that send no event.
 */
export async function until<Value>(
  look: () => Value | Promise<Value>,
  deadlineMs = 10_000,
): Promise<NonNullable<Value>> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > endMs) throw new Error(`still not so after ${deadlineMs} ms: ${look}`);
    await sleep(10);
  }
}
