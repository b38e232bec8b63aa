import { describeError, type ErrorCode, errorTable, explainOutOfFiles, RunfcgidError } from './errors.ts';

/** An error on its way to another process, as plain data. */
export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  /** The words of the system. */
  readonly cause?: string;
}

/** What was thrown, for another process. */
export function toErrorMessage(thrown: unknown): ErrorMessage {
  const error = explainOutOfFiles(thrown) ?? thrown;
  if (!(error instanceof RunfcgidError)) {
    return { code: 'INTERNAL', message: 'the daemon made a mistake', cause: describeError(error) };
  }
  const { code, message, hint, cause } = error;
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  };
}

/** The error as it was thrown in the other process; `undefined` when `value` is none. */
export function fromErrorMessage(value: unknown): RunfcgidError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, message, hint, cause } = value as Partial<Record<keyof ErrorMessage, unknown>>;
  if (typeof message !== 'string') return undefined;
  return new RunfcgidError(isErrorCode(code) ? code : 'CONTROL_PROTOCOL', message, {
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(typeof cause === 'string' ? { cause } : {}),
  });
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code);
}
