import { describeError, RunfcgidError } from '../errors.ts';

/** An error for people: what happened, the system's words, and what to do, each on lines of its own. */
export function formatError(error: unknown, program: string): string {
  if (!(error instanceof RunfcgidError)) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${program}: a mistake in ${program} itself: ${words}`;
  }
  const cause = error.cause === undefined ? [] : describeError(error.cause).split('\n');
  return [
    `${program}: ${error.message}`,
    ...cause.map((line) => `  ${line}`),
    ...(error.hint === undefined ? [] : [error.hint]),
  ].join('\n');
}
