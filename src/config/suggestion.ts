import { closest, distance } from 'fastest-levenshtein';

/** The candidate a person most likely meant, or undefined when none is near. */
export function suggestion(written: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const normal = written.toLowerCase().replaceAll('-', '_');
  const nearest = closest(normal, candidates);
  const allowed = Math.max(1, Math.floor(nearest.length / 3));
  return distance(normal, nearest) <= allowed ? nearest : undefined;
}
