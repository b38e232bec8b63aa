/** What to do about them. The daemon does not look at the file again by itself, nor for a start or a restart. */
export const afterProblems = 'Mend it, then: fcgictl reload --config';

/** Why a pool is failed that has no configuration it could run by, in one sentence. */
export function reasonOfProblems(problems: readonly string[]): string {
  return `its configuration has problems: ${problems.join('; ')}`;
}
