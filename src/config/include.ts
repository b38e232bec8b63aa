import { join, parse, resolve } from 'node:path';
import type { ConfigFiles } from './files.ts';

/**
 * The files that a pattern with `*` and `?` names, sorted, absolute. `*` does not match a leading dot. A
 * pattern without them names one file, whether it exists or not.
 *
 * @throws the system's error when a directory exists and cannot be listed.
 */
export function includedFiles(pattern: string, directory: string, files: ConfigFiles): readonly string[] {
  const whole = resolve(directory, pattern);
  if (!hasWildcard(whole)) return [whole];
  const { root } = parse(whole);
  let found = [root];
  for (const segment of whole.slice(root.length).split('/')) {
    found = found.flatMap((parent) => matchesWithin(parent, segment, files));
  }
  return found.filter((path) => files.exists(path));
}

export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

function matchesWithin(parent: string, segment: string, files: ConfigFiles): string[] {
  if (!hasWildcard(segment)) return [join(parent, segment)];
  if (!files.exists(parent)) return [];
  const expression = segmentExpression(segment);
  return files
    .list(parent)
    .filter((name) => expression.test(name) && (segment.startsWith('.') || !name.startsWith('.')))
    .toSorted()
    .map((name) => join(parent, name));
}

function segmentExpression(segment: string): RegExp {
  const escaped = segment.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}
