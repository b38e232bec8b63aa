import { ConfigError } from '../config/config-error.ts';
import type { ConfigFiles } from '../config/files.ts';
import type { Problem } from '../config/problem.ts';
import { tellProblems } from '../config/problem-text.ts';

/** @throws ConfigError CONFIG_INVALID with all problems, each with file, line and key, when there are any. */
export function throwInvalid(problems: readonly Problem[], files: Pick<ConfigFiles, 'readText'>): void {
  if (problems.length === 0) return;
  throw new ConfigError('CONFIG_INVALID', tellProblems(problems, files), {
    hint: 'Correct the configuration; "fcgictl check" looks at it without starting anything.',
  });
}
