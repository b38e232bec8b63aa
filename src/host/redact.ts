const secretName =
  /passw(or)?d|passphrase|secret|token|api[-_]?key|private[-_]?key|credential|authorization|cookie/i;
const urlPassword = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+@/gi;
const hidden = '[hidden]';
const deepest = 6;

/**
 * A copy of log fields in which everything named like a secret is hidden, and so is the password of a URL
 * (`DATABASE_URL` is the usual one). Errors become plain objects with message and stack.
 */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactRecord(fields, 0);
}

function redactRecord(record: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name,
      secretName.test(name) && value !== null && value !== undefined ? hidden : redactValue(value, depth + 1),
    ]),
  );
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.replaceAll(urlPassword, `$1${hidden}@`);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > deepest) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  if (value instanceof Error) return redactRecord(plainError(value), depth);
  return redactRecord(value, depth);
}

function plainError(error: Error): object {
  return {
    ...error,
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  };
}
