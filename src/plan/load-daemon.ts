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

/** What the daemon does where there is no configuration. */
export function defaultDaemonPlan(surroundings: DaemonSurroundings = thisProcess()): Promise<DaemonPlan> {
  return planOf({ path: undefined, directory: '/', tables: {} }, surroundings);
}

async function planOf(main: RawFile, surroundings: DaemonSurroundings): Promise<DaemonPlan> {
  const problems: Problem[] = [];
  const daemon = parseDaemon(main, problems);
  const report = new Report({ file: main.path, path: ['daemon'] });
  const files = main.path === undefined ? [] : [main.path];
  const plan = resolveDaemon({ daemon, files }, surroundings, report);
  await throwInvalid([...problems, ...report.problems], surroundings.files);
  return plan;
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
