import type { ConfigFiles } from './files.ts';
import { nearestPosition, type Positions, positionsIn } from './location.ts';
import type { KeyPath, Place, Position, Problem } from './problem.ts';

type AllPositions = ReadonlyMap<string, Positions>;
type MaybePositioned = Place & { readonly position?: Position | undefined };

/** A problem as it is told: a sentence that begins with file, line, column and key, and each of them by itself. */
export interface ToldProblem {
  readonly text: string;
  readonly path: KeyPath;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** Each problem with its place. */
export function tellProblems(
  problems: readonly Problem[],
  files: Pick<ConfigFiles, 'readText'>,
): readonly ToldProblem[] {
  if (problems.length === 0) return [];
  const places = problems.flatMap((problem) => [problem, problem.elsewhere]);
  const names = new Set(places.flatMap((place) => place?.file ?? []));
  const positions = new Map<string, Positions>();
  for (const name of names) positions.set(name, positionsIn(name, files));
  return inOrderOfLines(problems, positions).map((problem) => ({
    text: describeProblem(problem, positions),
    path: problem.path,
    ...(problem.file === undefined ? {} : { file: problem.file }),
    ...positionOf(problem, positions),
  }));
}

/** The same without lines, which cost a second parser: for what is told at every start. */
export function describeWarnings(problems: readonly Problem[]): readonly string[] {
  return problems.map((problem) => describeProblem(problem, new Map()));
}

/** People correct a file from top to bottom. Files stay in the order in which they were first mentioned. */
function inOrderOfLines(problems: readonly Problem[], positions: AllPositions): readonly Problem[] {
  const files = [...new Set(problems.map(({ file }) => file))];
  const rank = (problem: Problem): readonly number[] => {
    const position = positionOf(problem, positions);
    return [files.indexOf(problem.file), position?.line ?? 0, position?.column ?? 0];
  };
  return problems.toSorted((one, other) => compareRanks(rank(one), rank(other)));
}

function compareRanks(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, at) => value !== other[at]);
  return index === -1 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}

function describeProblem(problem: Problem, positions: AllPositions): string {
  const where = describePlace(problem, positions);
  const other =
    problem.elsewhere === undefined ? '' : ` (see also ${describePlace(problem.elsewhere, positions)})`;
  const hint = problem.hint === undefined ? '' : `. ${problem.hint}`;
  const separator = where === '' ? '' : ': ';
  return `${where}${separator}${problem.message}${other}${hint}`;
}

function describePlace(place: MaybePositioned, positions: AllPositions): string {
  const key = formatKeyPath(place.path);
  if (place.file === undefined) return key;
  const position = positionOf(place, positions);
  const line = position === undefined ? '' : `:${position.line}:${position.column}`;
  return key === '' ? `${place.file}${line}` : `${place.file}${line}: ${key}`;
}

function positionOf(place: MaybePositioned, positions: AllPositions): Position | undefined {
  const known = place.file === undefined ? undefined : positions.get(place.file);
  return place.position ?? (known === undefined ? undefined : nearestPosition(place.path, known));
}

export function formatKeyPath(path: KeyPath): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}
