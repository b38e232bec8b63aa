const steps = [
  { unit: 'd', ms: 86_400_000 },
  { unit: 'h', ms: 3_600_000 },
  { unit: 'm', ms: 60_000 },
  { unit: 's', ms: 1_000 },
] as const;

/** For people, in the two largest units: `2d4h`, `3h12m`, `45s`; below a second `0.4s`. */
export function formatElapsed(durationMs: number): string {
  const first = steps.findIndex(({ ms }) => durationMs >= ms);
  if (first < 0) return `${(Math.max(durationMs, 0) / 1_000).toFixed(1)}s`;
  let rest = durationMs;
  return steps
    .slice(first, first + 2)
    .map(({ unit, ms }) => {
      const count = Math.floor(rest / ms);
      rest -= count * ms;
      return count === 0 ? '' : `${count}${unit}`;
    })
    .join('');
}

/** For people, with at most three digits: `512 B`, `45 MB`, `1.2 GB` (powers of 1024). */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
  let amount = bytes;
  let step = 0;
  while (amount >= 1_000 && step < units.length - 1) {
    amount /= 1024;
    step += 1;
  }
  return `${step > 0 && amount < 9.95 ? amount.toFixed(1) : Math.round(amount)} ${units[step]}`;
}

/** `0.4%`, `12%`: 100% is one core. */
export function formatPercent(percent: number): string {
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)}%`;
}

/** The sum of what is known; `null` when nothing is. */
export function sumOfKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}
