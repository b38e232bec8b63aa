import { type ErrorCode, errorTable, RunfcgidError } from '../errors.ts';
import type { PoolOutcome, PoolProgress } from '../pools/commands.ts';

/** One line of the answer to a command. */
export type ControlLine =
  | { readonly progress: PoolProgress }
  | { readonly outcomes: readonly PoolOutcome[] }
  | { readonly error: ErrorMessage };

/** An error on its way through the control socket. */
export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** What was thrown, as the client gets it. */
export function toErrorMessage(error: unknown): ErrorMessage {
  if (!(error instanceof RunfcgidError)) {
    return { code: 'INTERNAL', message: 'the daemon made a mistake; its log says more' };
  }
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

/** The error as it was thrown in the daemon; `undefined` when `value` is none. */
export function fromErrorMessage(value: unknown): RunfcgidError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, message, hint } = value as Partial<Record<keyof ErrorMessage, unknown>>;
  if (typeof message !== 'string') return undefined;
  return new RunfcgidError(isErrorCode(code) ? code : 'CONTROL_PROTOCOL', message, {
    ...(typeof hint === 'string' ? { hint } : {}),
  });
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code);
}
