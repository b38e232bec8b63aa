import type { ConfigFiles } from '../config/files.ts';
import type { Problem } from '../config/problem.ts';
import { describeProblems } from '../config/problem-text.ts';
import { RunfcgidError } from '../errors.ts';

/** @throws RunfcgidError CONFIG_INVALID with all problems, each with file, line and key, when there are any. */
export async function throwInvalid(
  problems: readonly Problem[],
  files: Pick<ConfigFiles, 'readText'>,
): Promise<void> {
  if (problems.length === 0) return;
  throw new RunfcgidError('CONFIG_INVALID', (await describeProblems(problems, files)).join('\n'), {
    hint: 'Correct the configuration; "fcgictl check" looks at it without starting anything.',
  });
}
