import type { AST } from 'toml-eslint-parser';
import type { ConfigFiles } from './files.ts';
import type { KeyPath, Place, Position, Problem } from './problem.ts';

type Positions = ReadonlyMap<string, Position>;
type AllPositions = ReadonlyMap<string, Positions>;
type MaybePositioned = Place & { readonly position?: Position | undefined };

/**
 * Each problem as one sentence that begins with file, line, column and key. Parses the files a second time,
 * with a parser that knows positions, which is loaded only here because a sound configuration never needs it.
 */
export async function describeProblems(
  problems: readonly Problem[],
  files: Pick<ConfigFiles, 'readText'>,
): Promise<readonly string[]> {
  if (problems.length === 0) return [];
  const places = problems.flatMap((problem) => [problem, problem.elsewhere]);
  const names = new Set(places.flatMap((place) => place?.file ?? []));
  const positions = new Map<string, Positions>();
  for (const name of names) positions.set(name, await positionsIn(name, files));
  return inOrderOfLines(problems, positions).map((problem) => describeProblem(problem, positions));
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

function formatKeyPath(path: KeyPath): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

/** A key that is missing is told at the table it is missing from. */
function nearestPosition(path: KeyPath, positions: Positions): Position | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const position = positions.get(JSON.stringify(path.slice(0, length)));
    if (position !== undefined) return position;
  }
  return undefined;
}

async function positionsIn(file: string, files: Pick<ConfigFiles, 'readText'>): Promise<Positions> {
  const { parseTOML } = await import('toml-eslint-parser');
  const positions = new Map<string, Position>();
  try {
    for (const node of parseTOML(files.readText(file)).body[0].body) collectNode(node, positions);
  } catch {
    // Unreadable, or TOML that only the other parser understands: the message goes without a line.
  }
  return positions;
}

function collectNode(node: AST.TOMLTable | AST.TOMLKeyValue, positions: Map<string, Position>): void {
  if (node.type === 'TOMLKeyValue') {
    collectKeyValue([], node, positions);
    return;
  }
  collectKey([], node.resolvedKey, node, positions);
  for (const entry of node.body) collectKeyValue(node.resolvedKey, entry, positions);
}

function collectKeyValue(prefix: KeyPath, node: AST.TOMLKeyValue, positions: Map<string, Position>): void {
  const names = node.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value));
  collectKey(prefix, names, node, positions);
  collectValue([...prefix, ...names], node.value, positions);
}

function collectValue(path: KeyPath, value: AST.TOMLContentNode, positions: Map<string, Position>): void {
  if (value.type === 'TOMLInlineTable') {
    for (const entry of value.body) collectKeyValue(path, entry, positions);
  }
  if (value.type === 'TOMLArray') {
    for (const [index, element] of value.elements.entries()) {
      collectKey(path, [index], element, positions);
      collectValue([...path, index], element, positions);
    }
  }
}

/** Notes the position for every key on the way that has none yet: `a.b = 1` is where `a` began, too. */
function collectKey(
  prefix: KeyPath,
  names: KeyPath,
  node: AST.TOMLNode,
  positions: Map<string, Position>,
): void {
  const position = { line: node.loc.start.line, column: node.loc.start.column + 1 };
  for (let length = 1; length <= names.length; length += 1) {
    const key = JSON.stringify([...prefix, ...names.slice(0, length)]);
    if (!positions.has(key)) positions.set(key, position);
  }
}
