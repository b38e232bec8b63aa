export interface EnvironmentFile {
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly EnvironmentFileProblem[];
}

export interface EnvironmentFileProblem {
  /** Counts from 1. */
  readonly line: number;
  readonly message: string;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * Reads `NAME=VALUE` lines. `export` before the name is allowed; a line that begins with `#` is a comment.
 * Single quotes keep everything as it is; in double quotes \n, \r, \t, \" and \\ are understood; nothing is
 * expanded. Pure.
 */
export function parseEnvironmentFile(text: string): EnvironmentFile {
  const values = new Map<string, string>();
  const problems: EnvironmentFileProblem[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    try {
      const [name, value] = parseLine(line);
      values.set(name, value);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      problems.push({ line: index + 1, message: error.message });
    }
  }
  return { values: Object.fromEntries(values), problems };
}

/** The value is never quoted in a message: it may be a password. */
function parseLine(line: string): [string, string] {
  const match = /^(?:export\s+)?(?<name>[^\s=]+)\s*=\s*(?<value>.*)$/.exec(line);
  const name = match?.groups?.['name'];
  if (name === undefined) throw new SyntaxError('expected NAME=VALUE');
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
    throw new SyntaxError(`expected the name of a variable before "=", found "${name}"`);
  }
  if (name.startsWith('RUNFCGID_')) {
    throw new SyntaxError(`"${name}": names that begin with RUNFCGID_ are set by the daemon itself`);
  }
  return [name, parseValue(match?.groups?.['value'] ?? '', name)];
}

function parseValue(text: string, name: string): string {
  if (text.startsWith("'") || text.startsWith('"')) return parseQuoted(text, name);
  if (/\s#/.test(text)) {
    throw new SyntaxError(
      `the value of "${name}" has a "#" after a blank: put it in quotes, or the comment on a line of its own`,
    );
  }
  return text;
}

function parseQuoted(text: string, name: string): string {
  const pattern = text.startsWith("'") ? /^'(?<body>[^']*)'$/ : /^"(?<body>(?:[^"\\]|\\.)*)"$/;
  const body = pattern.exec(text)?.groups?.['body'];
  if (body === undefined) {
    throw new SyntaxError(`the quotes around the value of "${name}" do not end at the end of the line`);
  }
  if (text.startsWith("'")) return body;
  return body.replaceAll(/\\(.)/g, (_whole, escaped: string) => escapes[escaped] ?? escaped);
}
