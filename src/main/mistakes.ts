import { describeError } from '../errors.ts';
import type { Log } from '../host/log.ts';

/**
 * A mistake of ours in one pool must not end the workers of all: what escaped is logged with its stack, and the
 * daemon goes on. Node would end the process for either.
 */
export function guardAgainstMistakes(log: Log): void {
  const report = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error({ event: 'internal.error', stack }, `a mistake in runfcgid itself: ${describeError(error)}`);
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}
