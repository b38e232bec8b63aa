import { describeError, RunfcgidError } from '../errors.ts';
import { describeWord, runfcgiWords, type Word } from './runfcgi-word-table.ts';
import { suggestion } from './suggestion.ts';

type Table = typeof runfcgiWords;

/** The values of the words that were given; the defaults are those of whoever uses them. */
export type RunfcgiWords = {
  readonly [Name in keyof Table]: ReturnType<Table[Name]['read']> | undefined;
};

/**
 * Reads the KEY=VALUE words of `runfcgid runfcgi`. Keys may be written in capitals, with `-` for `_`, and with
 * `--` in front, as Django's own options were. Pure.
 *
 * @throws RunfcgidError USAGE that names everything that is wrong.
 */
export function readRunfcgiWords(words: readonly string[]): RunfcgiWords {
  const values: Record<string, unknown> = Object.fromEntries(
    Object.keys(runfcgiWords).map((name) => [name, undefined]),
  );
  const problems: string[] = [];
  for (const word of words) {
    try {
      const { name, value } = readWord(word);
      if (values[name] !== undefined) throw new SyntaxError(`${name} is given twice`);
      values[name] = value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      problems.push(describeError(error));
    }
  }
  // Each value was made by the reader of its own entry, which is what RunfcgiWords says.
  const read = values as RunfcgiWords;
  if (problems.length === 0) problems.push(...contradictions(read));
  if (problems.length === 0) return read;
  throw new RunfcgidError('USAGE', problems.join('\n'), { hint: 'See "runfcgid runfcgi help".' });
}

/** As in Django's command, `help` anywhere asks for help. */
export function isHelpWanted(words: readonly string[]): boolean {
  return words.some((word) => /^(?:help|-h|--help)$/i.test(word));
}

export function hasAddress({ socket, port }: RunfcgiWords): boolean {
  return socket !== undefined || port !== undefined;
}

/** Unless it is said, Django's command went to the background when it had an address of its own. */
export function isDaemonized(words: RunfcgiWords): boolean {
  return words.daemonize ?? hasAddress(words);
}

function readWord(word: string): { readonly name: string; readonly value: unknown } {
  const [, key = '', equals, text = ''] = /^([^=]*)(=?)(.*)$/s.exec(word) ?? [];
  const name = key.toLowerCase().replace(/^--/, '').replaceAll('-', '_');
  const known: Readonly<Record<string, Word<unknown>>> = runfcgiWords;
  const entry = Object.hasOwn(known, name) ? known[name] : undefined;
  if (entry === undefined) throw new SyntaxError(unknownWord(key, name));
  if (equals === '') {
    if (entry.isFlag) return { name, value: true };
    throw new SyntaxError(`${name} needs a value: ${name}=…`);
  }
  try {
    return { name, value: entry.read(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`${describeWord(name, text)}: ${error.message}`);
  }
}

function unknownWord(key: string, name: string): string {
  const meant = suggestion(name, Object.keys(runfcgiWords));
  return `there is no word "${key}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
}

function contradictions(words: RunfcgiWords): string[] {
  const { socket, host, port, method, threads, minspare, maxspare, daemonize } = words;
  const problems: string[] = [];
  if (socket !== undefined && (host !== undefined || port !== undefined)) {
    problems.push('socket= is a Unix socket, host= and port= are a TCP one: give one of them');
  } else if ((host === undefined) !== (port === undefined)) {
    problems.push(`host= and port= go together; ${host === undefined ? 'host=' : 'port='} is missing`);
  }
  if (daemonize === true && !hasAddress(words)) {
    problems.push(
      'daemonize=true needs socket=, or host= and port=: fd 0 belongs to whoever started the command',
    );
  }
  if (minspare !== undefined && minspare > (maxspare ?? defaultMaxSpare)) {
    problems.push(`minspare=${minspare} is more than maxspare=${maxspare ?? defaultMaxSpare}`);
  }
  if (threads !== undefined && method !== 'threaded')
    problems.push('threads= has a meaning only with method=threaded');
  return problems;
}

const defaultMaxSpare = 5;
