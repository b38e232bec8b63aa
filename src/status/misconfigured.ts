/** Why a pool is failed that has no configuration it could run by, in one sentence. */
export function reasonOfProblems(problems: readonly string[]): string {
  return `its configuration has problems: ${problems.join('; ')}`;
}
