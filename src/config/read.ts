import { dirname, join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { describeError, explainOutOfFiles, RunfcgidError } from '../errors.ts';
import { ConfigError } from './config-error.ts';
import type { ConfigFiles } from './files.ts';
import { hasWildcard, includedFiles } from './include.ts';
import { isTable, parseTable, type RawTable } from './parse-table.ts';
import type { Place, Problem } from './problem.ts';
import { daemonSettings } from './settings.ts';

/** The tables of one file, as TOML gives them. */
export interface RawFile {
  /** Undefined for tables made from a command line. */
  readonly path: string | undefined;
  /** Relative paths in the tables start here. */
  readonly directory: string;
  readonly tables: RawTable;
}

export interface RawConfig {
  readonly main: RawFile;
  readonly included: readonly RawFile[];
  /** Included files that cannot be read or are not TOML. */
  readonly broken: readonly Problem[];
  /** Problems of the includes themselves. */
  readonly problems: readonly Problem[];
}

/**
 * Reads the main file and what it includes.
 *
 * @throws RunfcgidError CONFIG_UNREADABLE when the main file cannot be read or is not TOML; DAEMON_OUT_OF_FILES.
 */
export function readConfig(file: string, files: ConfigFiles): RawConfig {
  const main = readMainFile(file, files);
  const problems: Problem[] = [];
  const included: RawFile[] = [];
  const broken: Problem[] = [];
  for (const path of includesOf(main, files, problems)) {
    const read = readFile(path, files);
    if ('tables' in read) included.push(read);
    else broken.push(read);
  }
  return { main, included, broken, problems };
}

/** @throws RunfcgidError CONFIG_UNREADABLE, DAEMON_OUT_OF_FILES */
export function readMainFile(file: string, files: ConfigFiles): RawFile {
  const main = readFile(file, files);
  if ('tables' in main) return main;
  const position = main.position === undefined ? '' : `:${main.position.line}:${main.position.column}`;
  const hint =
    main.position === undefined ? main.hint : 'Correct the line and try again; nothing was changed.';
  const told = { text: `${file}${position}: ${main.message}`, path: [], file, ...main.position };
  throw new ConfigError('CONFIG_UNREADABLE', [told], hint === undefined ? {} : { hint });
}

function readFile(path: string, files: ConfigFiles): RawFile | Problem {
  let text: string;
  try {
    text = files.readText(path);
  } catch (error) {
    refuseOutOfFiles(error);
    return {
      file: path,
      path: [],
      message: `cannot be read: ${describeError(error)}`,
      hint: readingHint(error, path),
    };
  }
  try {
    return { path, directory: dirname(path), tables: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return {
      file: path,
      path: [],
      position: { line: error.line, column: error.column },
      message: `is not TOML: ${tomlComplaint(error)}`,
    };
  }
}

function readingHint(error: unknown, path: string): string | undefined {
  if (error instanceof RunfcgidError) return error.hint;
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
      return 'The user that runs runfcgid must be able to read this file.';
    case 'EISDIR':
      return `It is a directory; name a file, such as ${join(path, 'runfcgid.toml')}.`;
    default:
      return undefined;
  }
}

/** That no file can be opened is no problem of the configuration, which may be sound. */
function refuseOutOfFiles(error: unknown): void {
  const reason = explainOutOfFiles(error);
  if (reason !== undefined) throw reason;
}

/** The parser's message without its heading and its drawing of the place. */
function tomlComplaint(error: TomlError): string {
  const [first = ''] = error.message.split('\n');
  return first.replace(/^Invalid TOML document: /, '');
}

function includesOf(main: RawFile, files: ConfigFiles, problems: Problem[]): readonly string[] {
  const written = main.tables['daemon'];
  const daemon = isTable(written) ? written : {};
  const onlyInclude = Object.hasOwn(daemon, 'include') ? { include: daemon['include'] } : {};
  const place: Place = { file: main.path, path: ['daemon'] };
  const { include } = parseTable({ include: daemonSettings.include }, onlyInclude, place, problems);
  const found = include.flatMap((pattern) => filesOf(pattern, main, files, problems));
  return [...new Set(found)].filter((path) => path !== main.path);
}

function filesOf(pattern: string, main: RawFile, files: ConfigFiles, problems: Problem[]): readonly string[] {
  const place: Place = { file: main.path, path: ['daemon', 'include'] };
  try {
    const found = includedFiles(pattern, main.directory, files);
    if (hasWildcard(pattern)) return found;
    const missing = found.filter((path) => !files.exists(path));
    problems.push(...missing.map((path) => ({ ...place, message: `there is no file ${path}` })));
    return found.filter((path) => files.exists(path));
  } catch (error) {
    refuseOutOfFiles(error);
    problems.push({ ...place, message: `"${pattern}" cannot be looked up: ${describeError(error)}` });
    return [];
  }
}
