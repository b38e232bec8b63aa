import { homedir } from 'node:os';
import { systemFiles } from '../config/files.ts';
import { parseDaemon } from '../config/parse.ts';
import type { Problem } from '../config/problem.ts';
import { type RawFile, readMainFile } from '../config/read.ts';
import { findConfigFile } from '../config/sources.ts';
import { throwInvalid } from './invalid.ts';
import type { DaemonPlan } from './plan.ts';
import { Report } from './report.ts';
import { resolveDaemon } from './resolve-daemon.ts';
import type { Surroundings } from './surroundings.ts';

export type DaemonSurroundings = Pick<
  Surroundings,
  'files' | 'environment' | 'workingDirectory' | 'home' | 'uid'
>;

export interface DaemonPlanRequest {
  /** From the command line; without it the usual places are looked at. */
  readonly configFile?: string | undefined;
  /** Absent: this process and this machine. */
  readonly surroundings?: DaemonSurroundings;
}

/**
 * The `[daemon]` part alone, for a client that only wants to find the control socket: no pool is looked at. This file
 * imports nothing that pools need, because the client would feel it at every call.
 *
 * @throws RunfcgidError as `loadPlan` does.
 */
export async function loadDaemonPlan(request: DaemonPlanRequest = {}): Promise<DaemonPlan> {
  const surroundings = request.surroundings ?? thisProcess();
  const { files } = surroundings;
  const file = findConfigFile({ ...surroundings, configFile: request.configFile }, files);
  return planOf(readMainFile(file, files), surroundings);
}

/** Where the daemon of a configuration may listen that cannot be used as it is now. */
export interface LikelySockets {
  /** The main file, by which that daemon is known. */
  readonly file: string;
  /** As the rest of `[daemon]` says it, and where it is unless that says something else. */
  readonly sockets: readonly string[];
}

/**
 * For a client that has to reach a daemon while its configuration has a mistake.
 *
 * @throws RunfcgidError CONFIG_NOT_FOUND
 */
export async function likelySockets({
  configFile,
  surroundings = thisProcess(),
}: DaemonPlanRequest): Promise<LikelySockets> {
  const { files } = surroundings;
  const file = findConfigFile({ ...surroundings, configFile }, files);
  const usual = (await defaultDaemonPlan(surroundings)).controlSocket;
  try {
    const written = resolveTable(readMainFile(file, files), surroundings).plan.controlSocket;
    return { file, sockets: [...new Set([written, usual])] };
  } catch {
    // No table can be read: `loadDaemonPlan` has said why.
    return { file, sockets: [usual] };
  }
}

/** What the daemon does where there is no configuration. */
export function defaultDaemonPlan(surroundings: DaemonSurroundings = thisProcess()): Promise<DaemonPlan> {
  return planOf({ path: undefined, directory: '/', tables: {} }, surroundings);
}

async function planOf(main: RawFile, surroundings: DaemonSurroundings): Promise<DaemonPlan> {
  const { plan, problems } = resolveTable(main, surroundings);
  throwInvalid(problems, surroundings.files);
  return plan;
}

/** Settings that are wrong have their defaults in the plan. */
function resolveTable(
  main: RawFile,
  surroundings: DaemonSurroundings,
): { readonly plan: DaemonPlan; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const daemon = parseDaemon(main, problems);
  const report = new Report({ file: main.path, path: ['daemon'] });
  const files = main.path === undefined ? [] : [main.path];
  const plan = resolveDaemon({ daemon, files }, surroundings, report);
  return { plan, problems: [...problems, ...report.problems] };
}

function thisProcess(): DaemonSurroundings {
  return {
    files: systemFiles,
    environment: process.env,
    workingDirectory: process.cwd(),
    home: homedir(),
    uid: process.geteuid?.() ?? 0,
  };
}
