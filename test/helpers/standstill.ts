import { until } from './until.ts';

/** How many looks in a row, 10 ms apart, must show the same number. */
const looks = 30;

/** Waits until a number no longer changes: for what must come to rest although more could follow. */
export async function standstill(read: () => number): Promise<void> {
  let before = Number.NaN;
  let same = 0;
  await until(() => {
    const now = read();
    same = now === before ? same + 1 : 0;
    before = now;
    return same >= looks;
  });
}
