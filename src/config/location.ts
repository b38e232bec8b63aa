import { type AST, parseTOML } from 'toml-eslint-parser';
import type { ConfigFiles } from './files.ts';
import type { KeyPath, Position } from './problem.ts';

/** The position of each key of one file, by its path as JSON. */
export type Positions = ReadonlyMap<string, Position>;

/** A key that is missing is told at the table it is missing from. */
export function nearestPosition(path: KeyPath, positions: Positions): Position | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const position = positions.get(JSON.stringify(path.slice(0, length)));
    if (position !== undefined) return position;
  }
  return undefined;
}

/** Where every key of a file stands; empty where that cannot be told. */
export function positionsIn(file: string, files: Pick<ConfigFiles, 'readText'>): Positions {
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
