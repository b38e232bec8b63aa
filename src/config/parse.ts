import { basename } from 'node:path';
import type { BrokenFile, Config, DaemonConfig, PoolConfig } from './config.ts';
import { describeFound } from './found.ts';
import { isTable, parseTable, type RawTable } from './parse-table.ts';
import type { Place, Problem } from './problem.ts';
import type { RawConfig, RawFile } from './read.ts';
import { daemonSettings, poolSettings } from './settings.ts';
import { suggestion } from './suggestion.ts';

const programKeys = ['command', 'django', 'wsgi'] as const;

/** Checks every key of every file, collecting all problems. Pure. */
export function parseConfig(raw: RawConfig): Config {
  const problems: Problem[] = [...raw.problems, ...topLevelProblems(raw.main, ['daemon', 'pools'])];
  const mainPools = parsePools(raw.main, []);
  const rest = raw.included.map((file) => parseIncluded(file));
  const pools = withoutDuplicates([...mainPools, ...rest.flatMap((file) => file.pools)]);
  return {
    files: [
      ...[raw.main, ...raw.included].map(({ path }) => path),
      ...raw.broken.map(({ file }) => file),
    ].filter((path) => path !== undefined),
    daemon: parseDaemon(raw.main, problems),
    pools,
    broken: [...raw.broken.map((problem) => brokenFile(problem)), ...rest.flatMap((file) => file.broken)],
    problems: uniqueProblems(problems),
  };
}

/** The `[daemon]` table of the main file alone; what is wrong is pushed to `problems`. */
export function parseDaemon(main: RawFile, problems: Problem[]): DaemonConfig {
  const written = main.tables['daemon'];
  const place: Place = { file: main.path, path: ['daemon'] };
  if (written !== undefined && !isTable(written)) {
    problems.push({ ...place, message: `expected a table, found ${describeFound(written)}` });
  }
  const settings = parseTable(daemonSettings, isTable(written) ? written : {}, place, problems);
  return { file: main.path, directory: main.directory, settings };
}

/** A mistake outside the pools of an included file refuses all of its pools, and nobody else's. */
function parseIncluded(file: RawFile): { pools: PoolConfig[]; broken: BrokenFile[] } {
  const problems = topLevelProblems(file, ['pools']);
  const pools = parsePools(file, problems);
  const [first] = problems;
  return { pools, broken: pools.length === 0 && first !== undefined ? problems.map(brokenFile) : [] };
}

function brokenFile(problem: Problem): BrokenFile {
  return { name: basename(problem.file ?? 'unnamed', '.toml'), problem };
}

function topLevelProblems(file: RawFile, allowed: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  for (const key of Object.keys(file.tables)) {
    if (!allowed.includes(key)) {
      problems.push({ file: file.path, path: [key], message: unknownTableMessage(key, allowed) });
    }
  }
  const pools = file.tables['pools'];
  if (pools !== undefined && !isTable(pools)) {
    const message = `expected tables such as [pools.mysite], found ${describeFound(pools)}`;
    problems.push({ file: file.path, path: ['pools'], message });
  }
  return problems;
}

function unknownTableMessage(key: string, allowed: readonly string[]): string {
  if (key === 'daemon') return 'belongs in the main file, not in an included one';
  if (key === 'pool') return 'is not known here; a pool is written [pools.NAME]';
  if (Object.hasOwn(daemonSettings, key)) return 'is not known here; it belongs into the table [daemon]';
  if (Object.hasOwn(poolSettings, key)) return 'is not known here; it belongs into a table [pools.NAME]';
  const meant = suggestion(key, allowed);
  return `is not known here; ${meant === undefined ? `expected ${allowed.join(' or ')}` : `did you mean "${meant}"?`}`;
}

function parsePools(file: RawFile, shared: readonly Problem[]): PoolConfig[] {
  const pools = file.tables['pools'];
  if (!isTable(pools)) return [];
  return Object.entries(pools).map(([name, written]) => {
    const place: Place = { file: file.path, path: ['pools', name] };
    const problems = [...shared, ...nameProblems(name, place)];
    if (!isTable(written)) {
      problems.push({
        ...place,
        message: `expected a table [pools.${name}], found ${describeFound(written)}`,
      });
    }
    const table = isTable(written) ? written : {};
    problems.push(...combinationProblems(table, place));
    const settings = parseTable(poolSettings, table, place, problems);
    return { name, file: file.path, directory: file.directory, settings, problems };
  });
}

/** Names become names of files and columns of tables. */
function nameProblems(name: string, place: Place): Problem[] {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) return [];
  const message = `expected a name of at most 63 letters, digits, ".", "_" and "-", found ${describeFound(name)}`;
  return [{ ...place, message }];
}

function combinationProblems(table: RawTable, place: Place): Problem[] {
  const written = programKeys.filter((key) => Object.hasOwn(table, key));
  if (written.length === 1) return [];
  const [, second = 'command'] = written;
  const expected = 'expected exactly one of "command", "django" and "wsgi"';
  if (written.length === 0) return [{ ...place, message: `${expected}, found none` }];
  return [
    { ...place, path: [...place.path, second], message: `${expected}, found ${written.join(' and ')}` },
  ];
}

function withoutDuplicates(pools: readonly PoolConfig[]): PoolConfig[] {
  const byName = new Map<string, PoolConfig>();
  for (const pool of pools) {
    const first = byName.get(pool.name);
    byName.set(
      pool.name,
      first === undefined ? pool : { ...first, problems: [...first.problems, duplicate(first, pool)] },
    );
  }
  return [...byName.values()];
}

function duplicate(first: PoolConfig, second: PoolConfig): Problem {
  const path = ['pools', first.name];
  return {
    file: second.file,
    path,
    message: `the pool "${first.name}" is configured twice`,
    hint: 'Rename or remove one of them.',
    elsewhere: { file: first.file, path },
  };
}

/** `include` is looked at twice, once to find the files: its problems must not be told twice. */
function uniqueProblems(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...seen.values()];
}
