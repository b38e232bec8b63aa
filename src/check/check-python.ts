import { formatDuration } from '../config/units.ts';
import type { PoolPlan, WorkerPlan } from '../plan/plan.ts';
import type { PoolFinding } from './finding.ts';
import { pythonQuestions } from './python-questions.ts';
import type { CheckReaders, RunResult } from './readers.ts';

const oldestPython = [3, 8] as const;

interface Target {
  readonly kind: 'django' | 'wsgi';
  /** Where the engine imports from. */
  readonly directory: string;
  /** The settings, or `module:name`. */
  readonly name: string;
}

const nextEnd = 'A worker would end with this.';

interface Answer {
  readonly isOk: boolean;
  readonly text: string;
}

type Answers = ReadonlyMap<string, Answer>;

/** Whether the interpreter of a `django` or `wsgi` pool has what the engine needs, and the application can be loaded. */
export async function checkPython(pool: PoolPlan, readers: CheckReaders): Promise<readonly PoolFinding[]> {
  const { worker, lifecycle } = pool;
  if (worker.engine === undefined) return [];
  const target = targetOf(worker);
  const [python] = worker.argv;
  const argv = [python, '-c', pythonQuestions, target.kind, target.directory, target.name] as const;
  // As long as a worker has.
  const timeoutMs = lifecycle.bootTimeoutMs;
  const result = await readers.runAs(worker, argv, timeoutMs);
  const findings = judge(python, target, result, worker);
  if (result.outcome !== 'timed-out') return findings;
  return [...findings, tooSlow(python, target, result, timeoutMs)];
}

/** The words of the command line say it all; there is no second copy of the settings to disagree with. */
function targetOf({ argv, directory }: WorkerPlan): Target {
  const word = (name: string): string | undefined =>
    argv.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  const application = word('application');
  return application === undefined
    ? { kind: 'django', directory: word('project') ?? directory, name: word('settings') ?? '' }
    : { kind: 'wsgi', directory: word('directory') ?? directory, name: application };
}

function judge(
  python: string,
  target: Target,
  result: RunResult,
  worker: WorkerPlan,
): readonly PoolFinding[] {
  const key = `${target.kind}.python`;
  const answers = readAnswers(result.stdout);
  const version = answers.get('version');
  if (version === undefined) {
    if (result.outcome === 'timed-out') return [];
    const words = result.stderr.trim().split('\n').at(-1) || `exit status ${result.status}`;
    return [{ severity: 'problem', key, message: `${python} does not run: ${words}` }];
  }
  return isTooOld(version.text)
    ? [tooOld(python, version.text, key)]
    : [...judgeModules(python, target, answers, worker), ...judgeLoading(target, answers, result)];
}

function tooSlow(
  python: string,
  { kind, name }: Target,
  { stdout }: RunResult,
  timeoutMs: number,
): PoolFinding {
  const isSite = readAnswers(stdout).has('engine');
  const what = isSite ? `loading "${name}" has not ended` : `${python} did not answer`;
  return {
    severity: 'warning',
    key: isSite ? kind : `${kind}.python`,
    message: `${what} within ${formatDuration(timeoutMs)}`,
    hint: 'A worker that takes as long to start is killed; see boot_timeout.',
  };
}

function tooOld(python: string, version: string, key: string): PoolFinding {
  return {
    severity: 'problem',
    key,
    message: `${python} is Python ${version}; the engine needs ${oldestPython.join('.')} or later`,
    hint: 'Name another interpreter, or run the site\'s own "manage.py runfcgi" as a command.',
  };
}

function judgeModules(
  python: string,
  { kind }: Target,
  answers: Answers,
  worker: WorkerPlan,
): readonly PoolFinding[] {
  const findings: PoolFinding[] = [];
  const problem = (key: string, message: string, hint: string): void => {
    findings.push({ severity: 'problem', key, message, hint });
  };
  const [engineDirectory = ''] = (worker.environment['PYTHONPATH'] ?? '').split(':');
  const engine = answers.get('engine');
  if (engine?.isOk === false) {
    const hint = `The user of the workers must be able to read ${engineDirectory}.`;
    problem(`${kind}.python`, `${python} cannot import the engine: ${engine.text}`, hint);
  } else if (engine !== undefined && !engine.text.startsWith(`${engineDirectory}/`)) {
    problem('directory', `${engine.text} hides the engine, which has the same name`, 'Rename it.');
  }
  const django = answers.get('django');
  if (django?.isOk === false) {
    const hint =
      'Name the interpreter of the site\'s virtual environment as "python", or install Django for this one.';
    problem('django.python', `${python} cannot import Django: ${django.text}`, hint);
  }
  return findings;
}

function judgeLoading(
  { kind, name }: Target,
  answers: Answers,
  { outcome, status }: RunResult,
): readonly PoolFinding[] {
  const severity = 'problem';
  const [target, site] = [answers.get('target'), answers.get('site')];
  if (target?.isOk === false) {
    const key = kind === 'django' ? 'django.settings' : 'wsgi.application';
    return [{ severity, key, message: target.text, hint: 'Correct the name, or the directory.' }];
  }
  if (site !== undefined) {
    return [{ severity, key: kind, message: site.text, hint: placeOf(answers.get('place')) }];
  }
  const isLoading = answers.get(kind === 'django' ? 'django' : 'engine')?.isOk === true;
  if (target !== undefined || !isLoading || outcome !== 'exited') return [];
  const how = status === undefined ? 'by a signal' : `with exit status ${status}`;
  const message = `loading "${name}" has ended the interpreter, ${how}`;
  return [{ severity, key: kind, message, hint: nextEnd }];
}

/** Of the code that raised it: `File "/srv/shop/api.py", line 3, in <module>` is Python's way to say so. */
function placeOf(place: Answer | undefined): string {
  const { file, line } = /^File "(?<file>.*)", line (?<line>\d+)/.exec(place?.text ?? '')?.groups ?? {};
  return file === undefined ? nextEnd : `Look at ${file}, line ${line}.`;
}

function readAnswers(stdout: string): Answers {
  const rows = stdout.split('\n').map((line) => line.split('\t'));
  return new Map(
    rows.flatMap(([name, verdict, text]): [string, Answer][] =>
      name === undefined || text === undefined ? [] : [[name, { isOk: verdict === 'ok', text }]],
    ),
  );
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < oldestPython[0] || (major === oldestPython[0] && minor < oldestPython[1]);
}
