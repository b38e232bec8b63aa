import type { ManageFile } from '../config/django-manage.ts';
import type { Runner } from '../config/runfcgi-tables.ts';
import type { RunfcgiWords } from '../config/runfcgi-words.ts';
import { RunfcgidError } from '../errors.ts';
import type { InterpreterFacts } from './django-question.ts';

/** The first Django without a `runfcgi` of its own. */
const firstWithoutCommand = [1, 9] as const;
const oldestEngine = [3, 8] as const;

export interface Project {
  readonly directory: string;
  /** `undefined`: there is no manage.py. */
  readonly manage: ManageFile | undefined;
  /** From the environment. */
  readonly settings: string | undefined;
}

/**
 * The interpreters that may be the site's, the likeliest first; `undefined` stands for the usual ones. An
 * interpreter that is named outright is the only one.
 */
export function interpreterCandidates(
  words: Pick<RunfcgiWords, 'python'>,
  manage: ManageFile | undefined,
): readonly (string | undefined)[] {
  if (words.python !== undefined) return [words.python];
  const { interpreter } = manage ?? {};
  if (interpreter?.includes('/')) return [interpreter];
  return interpreter === undefined || interpreter === 'python3' ? [undefined] : [undefined, interpreter];
}

/** The settings module that `manage.py runfcgi` would use; `undefined` when that cannot be told. */
export function settingsModule(words: Pick<RunfcgiWords, 'settings'>, project: Project): string | undefined {
  const { manage } = project;
  if (words.settings !== undefined) return words.settings;
  return manage?.isForced ? manage.settings : (project.settings ?? manage?.settings);
}

/**
 * What serves a project with this interpreter.
 *
 * @throws RunfcgidError CONFIG_INVALID when nothing does.
 */
export function chooseRunner(words: RunfcgiWords, project: Project, facts: InterpreterFacts): Runner {
  const { program, django, python } = facts;
  if (django === undefined || python === undefined) throw noDjango(project, [facts]);
  const what = `${program} (Python ${python.join('.')}, Django ${django.join('.')})`;
  if (isBefore(django, firstWithoutCommand)) return ownCommand(words, project, facts, what);
  if (isBefore(python, oldestEngine)) {
    throw invalid(
      `${what} is too old for the engine, which needs Python ${oldestEngine.join('.')} or later`,
      'Name another interpreter: python=/path/to/venv/bin/python',
    );
  }
  const settings = settingsModule(words, project);
  if (settings === undefined) {
    const where = project.manage === undefined ? 'there is no manage.py' : 'manage.py does not say';
    throw invalid(
      `which settings module? DJANGO_SETTINGS_MODULE is not set, and ${where} in ${project.directory}`,
      'Give it: settings=mysite.settings',
    );
  }
  return { kind: 'engine', python: program, settings };
}

/** None of the interpreters has a Django. */
export function noDjango({ directory }: Project, all: readonly InterpreterFacts[]): RunfcgidError {
  const each = all.map(({ program, trouble }) => `${program}: ${trouble}`);
  return invalid(
    `no Django is found for the project in ${directory}\n${each.join('\n')}`,
    "Name the interpreter of the site's virtual environment: python=/path/to/venv/bin/python",
  );
}

function ownCommand(
  words: RunfcgiWords,
  project: Project,
  { program, hasFlup }: InterpreterFacts,
  what: string,
): Runner {
  if (project.manage === undefined) {
    throw invalid(
      `${what} is served by its own "manage.py runfcgi", and there is no manage.py in ${project.directory}`,
      "Change to the project's directory first.",
    );
  }
  if (!hasFlup) {
    throw invalid(
      `${what} needs flup for its "manage.py runfcgi", and has none`,
      `Install it: ${program} -m pip install flup`,
    );
  }
  return { kind: 'own-command', python: program, settings: words.settings };
}

function isBefore(
  [major, minor]: readonly [number, number],
  [otherMajor, otherMinor]: readonly [number, number],
): boolean {
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}

function invalid(message: string, hint: string): RunfcgidError {
  return new RunfcgidError('CONFIG_INVALID', message, { hint });
}
