import { type ErrorDetails, RunfcgidError } from '../errors.ts';
import type { ToldProblem } from './problem-text.ts';

/** A configuration that cannot be used; the message has a line for each of its problems. */
export class ConfigError extends RunfcgidError {
  readonly problems: readonly ToldProblem[];

  constructor(
    code: 'CONFIG_INVALID' | 'CONFIG_UNREADABLE',
    problems: readonly ToldProblem[],
    details: ErrorDetails,
  ) {
    super(code, problems.map(({ text }) => text).join('\n'), details);
    this.problems = problems;
  }
}
