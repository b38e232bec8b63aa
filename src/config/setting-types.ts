import {
  array,
  type GenericSchema,
  minLength,
  picklist,
  pipe,
  record,
  boolean as schemaOfBoolean,
  string,
  unknown,
} from 'valibot';
import { parseListenAddress } from './address.ts';
import {
  durationSchema,
  nonEmpty,
  oneOrMore,
  parsed,
  pathSchema,
  sizeSchema,
  wholeNumber,
} from './setting-schemas.ts';
import { parseMode, parseSignal } from './units.ts';

/**
 * What may be written for a setting, and what it becomes. The message of every issue of `schema` begins with
 * "expected"; whoever reports it adds what was found.
 */
export interface SettingType<Value> {
  /** For the table of settings: "duration", "list of names". */
  readonly name: string;
  readonly schema: GenericSchema<unknown, Value>;
}

export const text: SettingType<string> = { name: 'text', schema: nonEmpty('expected a text') };

export const flag: SettingType<boolean> = {
  name: 'true or false',
  schema: schemaOfBoolean('expected true or false'),
};

/** Not made absolute here: that needs to know which file named it. */
export const path: SettingType<string> = { name: 'path', schema: pathSchema() };
export const paths: SettingType<readonly string[]> = {
  name: 'path, or list of paths',
  schema: oneOrMore(path.schema, 'expected a path or a list of paths'),
};

export const program: SettingType<string> = { name: 'program', schema: pathSchema() };

export const command: SettingType<readonly string[]> = {
  name: 'list of words',
  schema: pipe(
    array(
      string('expected a text for each word'),
      'expected a list: the program, then each argument, as in ["./site.fcgi", "--quiet"]',
    ),
    minLength(1, 'expected at least the name of the program'),
    parsed((words) => {
      if (words[0] === '') throw new SyntaxError('expected the name of the program as the first word');
      if (words.some((word) => word.includes('\0')))
        throw new SyntaxError('expected words without NUL bytes');
      return words;
    }),
  ),
};

export const addresses: SettingType<readonly string[]> = {
  name: 'address, or list of addresses',
  schema: oneOrMore(
    pipe(
      string('expected an address: "unix:/path", "HOST:PORT", "[IPV6]:PORT", "systemd:NAME" or "fd:0"'),
      parsed((address) => {
        parseListenAddress(address, '/');
        return address;
      }),
    ),
    'expected an address or a list of addresses',
  ),
};

export const duration: SettingType<number> = { name: 'duration', schema: durationSchema(0) };
export const positiveDuration: SettingType<number> = { name: 'duration', schema: durationSchema(1) };

export const size: SettingType<number> = { name: 'size', schema: sizeSchema() };

export const mode: SettingType<number> = {
  name: 'octal mode',
  schema: pipe(
    string('expected permission bits as a text such as "0660" (a bare 660 would be read as decimal)'),
    parsed(parseMode),
  ),
};

export const signal: SettingType<NodeJS.Signals> = {
  name: 'signal',
  schema: pipe(string('expected the name of a signal such as "TERM"'), parsed(parseSignal)),
};

export const account: SettingType<string | number> = {
  name: 'name or number',
  schema: pipe(
    unknown(),
    parsed((value): string | number => {
      if (typeof value === 'string' && /^[^\s:/]+$/.test(value)) return value;
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32 - 1)
        return value;
      throw new SyntaxError('expected a name such as "www-data", or a number');
    }),
  ),
};

export const variables: SettingType<Readonly<Record<string, string>>> = {
  name: 'table of texts',
  schema: record(
    pipe(string(), parsed(checkVariableName)),
    pipe(
      string('expected a text in quotes, so that the program gets exactly what is written'),
      parsed((value) => {
        if (value.includes('\0')) throw new SyntaxError('expected a text without NUL bytes');
        return value;
      }),
    ),
    'expected a table such as { NAME = "value" }',
  ),
};

export const variableNames: SettingType<readonly string[]> = {
  name: 'list of names',
  schema: array(
    pipe(string('expected the name of an environment variable'), parsed(checkVariableName)),
    'expected a list of names of environment variables',
  ),
};

export const exitStatuses: SettingType<readonly number[]> = {
  name: 'list of numbers',
  schema: array(
    wholeNumber(0, 255, 'expected exit statuses from 0 to 255'),
    'expected a list of exit statuses',
  ),
};

/** Rules of gitignore(5). */
export const patterns: SettingType<readonly string[]> = {
  name: 'pattern, or list of patterns',
  schema: oneOrMore(
    nonEmpty('expected a pattern such as "**/*.py"'),
    'expected a pattern or a list of patterns',
  ),
};

/** Dotted, as Python imports it: `mysite.settings`. */
export const pythonModule: SettingType<string> = {
  name: 'Python module',
  schema: pipe(
    string('expected the dotted name of a Python module such as "mysite.settings"'),
    parsed((name) => {
      if (name.endsWith('.py') || name.includes('/')) {
        throw new SyntaxError(
          'expected the dotted name of a Python module such as "mysite.settings", not a file',
        );
      }
      if (!/^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u.test(name)) {
        throw new SyntaxError('expected the dotted name of a Python module such as "mysite.settings"');
      }
      return name;
    }),
  ),
};

export const pythonCallable: SettingType<string> = {
  name: 'Python callable',
  schema: pipe(
    string('expected "module:name" such as "mysite.wsgi:application"'),
    parsed((name) => {
      if (!/^[\p{L}_][\p{L}\p{N}_.]*:[\p{L}_][\p{L}\p{N}_.()]*$/u.test(name)) {
        throw new SyntaxError('expected "module:name" such as "mysite.wsgi:application"');
      }
      return name;
    }),
  ),
};

export function count(least: number, most: number): SettingType<number> {
  return {
    name: 'number',
    schema: wholeNumber(least, most, `expected a whole number from ${least} to ${most}`),
  };
}

export function oneOf<const Words extends readonly string[]>(words: Words): SettingType<Words[number]> {
  const quoted = words.map((word) => `"${word}"`).join(', ');
  return { name: quoted.replaceAll('"', '`'), schema: picklist(words, `expected one of ${quoted}`) };
}

function checkVariableName(name: string): string {
  if (!/^[^=\0\s]+$/.test(name)) throw new SyntaxError('expected the name of an environment variable');
  if (name.startsWith('RUNFCGID_')) {
    throw new SyntaxError(
      'expected a name that does not begin with RUNFCGID_ (they are set by the daemon itself)',
    );
  }
  return name;
}
