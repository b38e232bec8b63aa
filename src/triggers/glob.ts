import { RunfcgidError } from '../errors.ts';

/**
 * A pattern for paths relative to a directory, with the rules of gitignore(5): `*`, `?` and `[a-z]` stay within
 * one name, `**` spans any number of directories, `{py,html}` is a choice. Without a slash (or with one at its end
 * only) a pattern holds at any depth; otherwise it begins at the directory. A slash at the end means
 * everything below.
 */
export interface Glob {
  readonly matches: (path: string) => boolean;
  /** The directory without wildcards that all matches are in; empty for the root. */
  readonly base: string;
}

/** @throws RunfcgidError CONFIG_INVALID for a pattern that is empty or has an impossible `[…]`. */
export function parseGlob(pattern: string): Glob {
  return compile(pattern, (body, isTree) => (isTree ? `${body}/.*` : body));
}

/** As `parseGlob`, but what matches also covers everything below it: what is ignored, is ignored whole. */
export function parseCover(pattern: string): Glob {
  return compile(pattern, (body) => `${body}(?:/.*)?`);
}

function compile(pattern: string, finish: (body: string, isTree: boolean) => string): Glob {
  const trimmed = pattern.replace(/^\.\//, '');
  const isTree = /\/(?:\*\*)?$/.test(trimmed);
  const path = trimmed.replace(/\/(?:\*\*)?$/, '');
  const isAnchored = trimmed.replace(/\/$/, '').includes('/');
  const body = path.replace(/^\//, '');
  if (body === '') throw invalid(pattern);
  try {
    const expression = new RegExp(
      `^${finish(expressionFor(isAnchored ? body : `**/${body}`), isTree)}$`,
      's',
    );
    return {
      matches: (candidate) => expression.test(candidate),
      base: isAnchored ? baseOf(isTree ? `${body}/*` : body) : '',
    };
  } catch (error) {
    throw invalid(pattern, error);
  }
}

function expressionFor(glob: string): string {
  return glob.replaceAll(/\*\*\/|\*\*|\*|\?|\[[^\]/]+\]|\{[^{}]*\}|[.+^$()|\\{}[\]]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.length === 1) return `\\${part}`;
    if (part.startsWith('[')) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return `(?:${part.slice(1, -1).split(',').map(expressionFor).join('|')})`;
  });
}

function baseOf(body: string): string {
  const names = body.split('/').slice(0, -1);
  const wild = names.findIndex((name) => /[*?[{]/.test(name));
  return names.slice(0, wild === -1 ? names.length : wild).join('/');
}

function invalid(pattern: string, cause?: unknown): RunfcgidError {
  return new RunfcgidError('CONFIG_INVALID', `"${pattern}" is not a pattern for files`, {
    hint: 'Write it as in a .gitignore file, for example "**/*.py" or "!migrations/".',
    ...(cause === undefined ? {} : { cause }),
  });
}
