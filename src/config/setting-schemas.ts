import {
  array,
  finite,
  type GenericSchema,
  integer,
  lazy,
  maxValue,
  minLength,
  minValue,
  number,
  pipe,
  rawTransform,
  string,
  transform,
  unknown,
} from 'valibot';
import { formatSize, parseDuration, parseSize } from './units.ts';

export function nonEmpty(expected: string): GenericSchema<unknown, string> {
  return pipe(string(expected), minLength(1, expected));
}

export function pathSchema(): GenericSchema<unknown, string> {
  return pipe(
    nonEmpty('expected a path'),
    parsed((value) => {
      if (value.startsWith('~')) throw new SyntaxError('expected a whole path ("~" is not expanded here)');
      if (value.includes('\0')) throw new SyntaxError('expected a path without NUL bytes');
      return value;
    }),
  );
}

export function durationSchema(leastMs: number): GenericSchema<unknown, number> {
  return pipe(
    unknown(),
    parsed((value) => {
      const written = typeof value === 'number' ? String(value) : value;
      if (typeof written !== 'string')
        throw new SyntaxError('expected a duration such as "500ms", "30s" or "5m"');
      const durationMs = parseDuration(written);
      if (durationMs < leastMs) throw new SyntaxError('expected a duration of at least 1ms');
      return durationMs;
    }),
  );
}

/** Bytes. No process has less memory: a smaller number was meant in another unit. */
const leastSize = 1024 * 1024;

export function sizeSchema(): GenericSchema<unknown, number> {
  return pipe(
    unknown(),
    parsed((value) => {
      const written = typeof value === 'number' ? String(value) : value;
      if (typeof written !== 'string')
        throw new SyntaxError('expected a size such as "512K", "200M" or "1G"');
      const bytes = parseSize(written);
      if (bytes < leastSize) {
        throw new SyntaxError(
          `expected a size of at least ${formatSize(leastSize)} (a bare number is bytes)`,
        );
      }
      return bytes;
    }),
  );
}

export function wholeNumber(least: number, most: number, expected: string): GenericSchema<unknown, number> {
  return pipe(
    number(expected),
    finite(expected),
    integer(expected),
    minValue(least, expected),
    maxValue(most, expected),
  );
}

/** One value stands for a list of one. An index in an issue's path is right only where a list was written. */
export function oneOrMore<Value>(
  item: GenericSchema<unknown, Value>,
  expected: string,
): GenericSchema<unknown, readonly Value[]> {
  const list = pipe(array(item, expected), minLength(1, expected));
  const single = pipe(
    item,
    transform((value) => [value]),
  );
  return lazy((value) => (Array.isArray(value) ? list : single));
}

/** A step that reports the message of a thrown SyntaxError as an issue of the value. */
export function parsed<Input, Output>(parse: (value: Input) => Output) {
  return rawTransform<Input, Output>(({ dataset, addIssue, NEVER }) => {
    try {
      return parse(dataset.value);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      addIssue({ message: error.message });
      return NEVER;
    }
  });
}
