import { parseConfig, parseDaemon } from '../config/parse.ts';
import type { RawTable } from '../config/parse-table.ts';
import type { Problem } from '../config/problem.ts';
import { describeProblems, describeWarnings } from '../config/problem-text.ts';
import { type RawConfig, readConfig, readMainFile } from '../config/read.ts';
import { findConfigFile } from '../config/sources.ts';
import { RunfcgidError } from '../errors.ts';
import type { DaemonPlan, Plan } from './plan.ts';
import { Report } from './report.ts';
import { type RefusedResolution, resolvePlan } from './resolve.ts';
import { resolveDaemon } from './resolve-daemon.ts';
import { type Surroundings, systemSurroundings } from './surroundings.ts';

export interface PlanRequest {
  /** From the command line; without it the usual places are looked at. */
  readonly configFile?: string | undefined;
  /** Give warnings their lines too, which takes a moment; problems always have theirs. */
  readonly hasWarningLines?: boolean;
  /** The name of each listening socket that systemd passed; none unless told. */
  readonly inheritedNames?: readonly string[];
  /** Absent: this process and this machine. */
  readonly surroundings?: Surroundings;
}

export interface LoadedPlan {
  readonly plan: Plan;
  /** Whole sentences about what is probably not meant like this. */
  readonly warnings: readonly string[];
}

/**
 * Finds, reads, checks and resolves the configuration. A pool with problems is refused and the others are not.
 *
 * @throws RunfcgidError CONFIG_NOT_FOUND; CONFIG_UNREADABLE for the main file; CONFIG_INVALID with all
 * problems when `[daemon]` or the file as a whole has any.
 */
export async function loadPlan(request: PlanRequest = {}): Promise<LoadedPlan> {
  const surroundings = request.surroundings ?? systemSurroundings(request.inheritedNames);
  const file = findConfigFile({ ...surroundings, configFile: request.configFile }, surroundings.files);
  return planFromRaw(readConfig(file, surroundings.files), surroundings, request.hasWarningLines);
}

/**
 * The `[daemon]` part alone, for a client that only wants to find the control socket: no pool is looked at.
 *
 * @throws RunfcgidError as `loadPlan` does.
 */
export async function loadDaemonPlan(request: PlanRequest = {}): Promise<DaemonPlan> {
  const surroundings = request.surroundings ?? systemSurroundings();
  const { files } = surroundings;
  const file = findConfigFile({ ...surroundings, configFile: request.configFile }, files);
  const problems: Problem[] = [];
  const daemon = parseDaemon(readMainFile(file, files), problems);
  const report = new Report({ file, path: ['daemon'] });
  const plan = resolveDaemon({ daemon, files: [file] }, surroundings, report);
  await throwInvalid([...problems, ...report.problems], [], surroundings);
  return plan;
}

/**
 * The same from tables made elsewhere, for example from words on a command line; `directory` is where relative
 * paths begin.
 *
 * @throws RunfcgidError CONFIG_INVALID
 */
export async function planFromTables(
  tables: RawTable,
  directory: string,
  surroundings: Surroundings = systemSurroundings(),
): Promise<LoadedPlan> {
  const main = { path: undefined, directory, tables };
  return planFromRaw({ main, included: [], broken: [], problems: [] }, surroundings);
}

async function planFromRaw(
  raw: RawConfig,
  surroundings: Surroundings,
  hasWarningLines = false,
): Promise<LoadedPlan> {
  const resolution = resolvePlan(parseConfig(raw), surroundings);
  await throwInvalid(resolution.problems, resolution.refused, surroundings);
  const refused = [];
  for (const { name, problems } of mergedByName(resolution.refused)) {
    refused.push({ name, problems: await describeProblems(problems, surroundings.files) });
  }
  return {
    plan: deepFreeze({ daemon: resolution.daemon, pools: resolution.pools, refused }),
    warnings: hasWarningLines
      ? await describeProblems(resolution.warnings, surroundings.files)
      : describeWarnings(resolution.warnings),
  };
}

async function throwInvalid(
  problems: readonly Problem[],
  refused: readonly RefusedResolution[],
  surroundings: Surroundings,
): Promise<void> {
  if (problems.length === 0) return;
  const all = [...problems, ...refused.flatMap((pool) => pool.problems)];
  const sentences = await describeProblems(all, surroundings.files);
  throw new RunfcgidError('CONFIG_INVALID', sentences.join('\n'), {
    hint: 'Correct the configuration; "fcgictl check" looks at it without starting anything.',
  });
}

/** A file that cannot be read may carry the name of a pool that was read elsewhere. */
function mergedByName(refused: readonly RefusedResolution[]): readonly RefusedResolution[] {
  const byName = new Map<string, readonly Problem[]>();
  for (const { name, problems } of refused) byName.set(name, [...(byName.get(name) ?? []), ...problems]);
  return [...byName].map(([name, problems]) => ({ name, problems }));
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
