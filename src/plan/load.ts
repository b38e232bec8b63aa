import { parseConfig } from '../config/parse.ts';
import type { RawTable } from '../config/parse-table.ts';
import type { Problem } from '../config/problem.ts';
import { describeWarnings, type ToldProblem, tellProblems } from '../config/problem-text.ts';
import { type RawConfig, readConfig } from '../config/read.ts';
import { findConfigFile } from '../config/sources.ts';
import { throwInvalid } from './invalid.ts';
import type { Plan } from './plan.ts';
import { type RefusedResolution, resolvePlan } from './resolve.ts';
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
  /** What is told of refused pools, and in warnings that have lines, with its place. */
  readonly told: readonly ToldProblem[];
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

function planFromRaw(raw: RawConfig, surroundings: Surroundings, hasWarningLines = false): LoadedPlan {
  const resolution = resolvePlan(parseConfig(raw), surroundings);
  if (resolution.problems.length > 0) {
    const refusals = resolution.refused.flatMap((pool) => pool.problems);
    throwInvalid([...resolution.problems, ...refusals], surroundings.files);
  }
  const { files } = surroundings;
  const refused = [];
  const told: ToldProblem[] = [];
  for (const { name, problems } of mergedByName(resolution.refused)) {
    const ofPool = tellProblems(problems, files);
    told.push(...ofPool);
    refused.push({ name, problems: textsOf(ofPool) });
  }
  const warnings = hasWarningLines ? tellProblems(resolution.warnings, files) : undefined;
  return {
    plan: deepFreeze({ daemon: resolution.daemon, pools: resolution.pools, refused }),
    warnings: warnings === undefined ? describeWarnings(resolution.warnings) : textsOf(warnings),
    told: [...told, ...(warnings ?? [])],
  };
}

function textsOf(problems: readonly ToldProblem[]): readonly string[] {
  return problems.map(({ text }) => text);
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
