import { join, resolve } from 'node:path';
import { type ManageFile, readManageFile } from '../config/django-manage.ts';
import { type Runner, siteName, siteTables } from '../config/runfcgi-tables.ts';
import type { RunfcgiWords } from '../config/runfcgi-words.ts';
import { describeError, RunfcgidError } from '../errors.ts';
import { type LoadedPlan, planFromTables } from '../plan/load.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { Surroundings } from '../plan/surroundings.ts';
import {
  chooseRunner,
  interpreterCandidates,
  noDjango,
  type Project,
  settingsModule,
} from './choose-runner.ts';
import { askInterpreter, type InterpreterFacts } from './django-question.ts';

export interface SitePlanRequest {
  readonly words: RunfcgiWords;
  readonly surroundings: Surroundings;
  readonly runtimeDir: string;
  readonly logFile: string;
  readonly ask?: (worker: WorkerPlan) => Promise<InterpreterFacts>;
}

/**
 * The plan of the site that the words describe: the Django project in the working directory, served by the engine,
 * or by its own `runfcgi` where its Django still has one.
 *
 * @throws RunfcgidError CONFIG_INVALID with all that is wrong.
 */
export async function planSite(request: SitePlanRequest): Promise<LoadedPlan> {
  const { words, surroundings, ask = askInterpreter } = request;
  const project = findProject(surroundings);
  const failures: InterpreterFacts[] = [];
  for (const python of interpreterCandidates(words, project.manage)) {
    const settings = settingsModule(words, project) ?? 'settings';
    const draft = await plan({ kind: 'engine', python, settings }, request);
    const facts = await ask(workerOf(draft));
    if (facts.django !== undefined) return plan(chooseRunner(words, project, facts), request);
    failures.push(facts);
  }
  throw noDjango(project, failures);
}

/** Where a site's files are, whatever daemon serves it: not in a directory that a logout removes. */
export function siteDirectory(
  words: RunfcgiWords,
  { accounts, uid, home, workingDirectory }: Surroundings,
): string {
  if (words.runtime_dir !== undefined) return resolve(workingDirectory, words.runtime_dir);
  const name = siteName(words, workingDirectory);
  // Not HOME: the book's script starts the site with an empty environment.
  return uid === 0
    ? `/run/runfcgi/${name}`
    : join(accounts.user(uid)?.home ?? home, '.local/state/runfcgi', name);
}

function findProject(surroundings: Surroundings): Project {
  const { files, workingDirectory, environment } = surroundings;
  const path = join(workingDirectory, 'manage.py');
  const settings = environment['DJANGO_SETTINGS_MODULE'] || undefined;
  if (!files.exists(path)) return { directory: workingDirectory, manage: undefined, settings };
  return { directory: workingDirectory, manage: readManage(path, surroundings), settings };
}

function readManage(path: string, { readGuarded }: Surroundings): ManageFile {
  try {
    return readManageFile(readGuarded(path));
  } catch (cause) {
    const hint = cause instanceof RunfcgidError ? cause.hint : undefined;
    const advice = hint === undefined ? {} : { hint };
    throw new RunfcgidError('CONFIG_UNREADABLE', `${path} cannot be read: ${describeError(cause)}`, advice);
  }
}

async function plan(runner: Runner, request: SitePlanRequest): Promise<LoadedPlan> {
  const { words, surroundings, runtimeDir, logFile } = request;
  const { workingDirectory, environment } = surroundings;
  const name = siteName(words, workingDirectory);
  const tables = siteTables(words, runner, {
    directory: workingDirectory,
    environment,
    runtimeDir,
    logFile,
    name,
  });
  const loaded = await planFromTables(tables, workingDirectory, surroundings);
  const problems = loaded.plan.refused.flatMap((pool) => pool.problems);
  if (problems.length === 0) return loaded;
  // Whoever wrote words has no tables to look into.
  const sentences = problems.map((problem) => problem.replace(/^pools\.(?:"[^"]*"|[^.:]*)[.:]\s*/, ''));
  throw new RunfcgidError('CONFIG_INVALID', sentences.join('\n'), { hint: 'See "runfcgid runfcgi help".' });
}

function workerOf({ plan: { pools } }: LoadedPlan): WorkerPlan {
  const [pool] = pools;
  if (pool === undefined) throw new RunfcgidError('INTERNAL', 'the words gave no pool');
  return pool.worker;
}
