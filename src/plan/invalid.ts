import type { ConfigFiles } from '../config/files.ts';
import type { Problem } from '../config/problem.ts';
import { type ToldProblem, tellProblems } from '../config/problem-text.ts';
import { RunfcgidError } from '../errors.ts';

/** CONFIG_INVALID, with what its message has a line for each of. */
export class InvalidConfiguration extends RunfcgidError {
  readonly problems: readonly ToldProblem[];

  constructor(problems: readonly ToldProblem[]) {
    super('CONFIG_INVALID', problems.map(({ text }) => text).join('\n'), {
      hint: 'Correct the configuration; "fcgictl check" looks at it without starting anything.',
    });
    this.problems = problems;
  }
}

/** @throws InvalidConfiguration with all problems, each with file, line and key, when there are any. */
export async function throwInvalid(
  problems: readonly Problem[],
  files: Pick<ConfigFiles, 'readText'>,
): Promise<void> {
  if (problems.length > 0) throw new InvalidConfiguration(await tellProblems(problems, files));
}
