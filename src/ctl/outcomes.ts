import { exitStatus } from '../errors.ts';
import type { PoolOutcome } from '../pools/commands.ts';
import type { CtlRequest } from './request.ts';

/**
 * Prints what became of each pool; the exit status is 0 only when all is as it was asked.
 *
 * @param more what else the JSON document holds.
 */
export function reportOutcomes(
  outcomes: readonly PoolOutcome[],
  { isJson, terminal }: CtlRequest,
  more: Readonly<Record<string, unknown>> = {},
): number {
  if (isJson) terminal.print(JSON.stringify({ outcomes, ...more }));
  else for (const outcome of outcomes) reportOutcome(outcome, terminal);
  return outcomes.every(({ isDone }) => isDone) ? exitStatus.ok : exitStatus.failure;
}

function reportOutcome(
  { pool, isDone, message, details }: PoolOutcome,
  terminal: CtlRequest['terminal'],
): void {
  if (isDone) {
    terminal.print(`${pool}: ${message}`);
    return;
  }
  terminal.complain([`${pool}: ${message}`, ...details.map((line) => `  | ${line}`)].join('\n'));
}
