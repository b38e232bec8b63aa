import { pipe, record, string, unknown } from 'valibot';
import { nonEmpty, oneOrMore, parsed } from './setting-schemas.ts';
import type { SettingType } from './setting-types.ts';

const expectedStatus = 'expected a status such as 200, or a class such as "2xx"';

/** The part of a URL behind the host. */
export const requestPath: SettingType<string> = {
  name: 'path of a URL',
  schema: pipe(
    nonEmpty('expected the path of a URL such as "/health/"'),
    parsed((path) => {
      if (!path.startsWith('/')) throw new SyntaxError('expected a path that begins with "/"');
      if (!/^[\x21-\x7e]+$/.test(path) || path.includes('#')) {
        throw new SyntaxError('expected a path as it stands in a URL: percent-encoded, without "#"');
      }
      return path;
    }),
  ),
};

/** HTTP statuses of final answers (RFC 9110 section 15). */
export const statuses: SettingType<readonly { readonly from: number; readonly to: number }[]> = {
  name: 'status, or list of statuses',
  schema: oneOrMore(
    pipe(
      unknown(),
      parsed((value) => {
        if (typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599) {
          return { from: value, to: value };
        }
        const hundreds = typeof value === 'string' ? /^([2-5])xx$/i.exec(value)?.[1] : undefined;
        if (hundreds === undefined) throw new SyntaxError(expectedStatus);
        return { from: Number(hundreds) * 100, to: Number(hundreds) * 100 + 99 };
      }),
    ),
    expectedStatus,
  ),
};

export const requestHeaders = texts(/^[A-Za-z0-9-]+$/, 'the name of a header such as "X-Forwarded-Proto"');
export const requestParams = texts(
  /^[^=\0\s]+$/,
  'the name of a FastCGI parameter such as "SCRIPT_FILENAME"',
);

function texts(name: RegExp, what: string): SettingType<Readonly<Record<string, string>>> {
  return {
    name: 'table of texts',
    schema: record(
      pipe(
        string(),
        parsed((key) => {
          if (!name.test(key)) throw new SyntaxError(`expected ${what}`);
          return key;
        }),
      ),
      pipe(
        string('expected a text in quotes'),
        parsed((value) => {
          if (/[\0\r\n]/.test(value)) throw new SyntaxError('expected a text of one line');
          return value;
        }),
      ),
      'expected a table such as { NAME = "value" }',
    ),
  };
}
