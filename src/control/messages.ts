import type { ErrorMessage } from '../error-message.ts';
import type { PoolOutcome, PoolProgress } from '../pools/commands.ts';

/** One line of the answer to a command. */
export type ControlLine =
  | { readonly progress: PoolProgress }
  | { readonly outcomes: readonly PoolOutcome[]; readonly notes?: readonly string[] }
  | { readonly error: ErrorMessage };
