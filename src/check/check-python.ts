import type { PoolPlan, WorkerPlan } from '../plan/plan.ts';
import type { PoolFinding } from './finding.ts';
import { pythonQuestions } from './python-questions.ts';
import type { CheckReaders, RunResult } from './readers.ts';

const importTimeoutMs = 10_000;
const oldestPython = [3, 8] as const;

interface Target {
  readonly kind: 'django' | 'wsgi';
  /** Where the engine imports from. */
  readonly directory: string;
  readonly module: string;
}

interface Answer {
  readonly isOk: boolean;
  readonly text: string;
}

/** Whether the interpreter of a `django` or `wsgi` pool has what the engine will import. */
export async function checkPython(pool: PoolPlan, readers: CheckReaders): Promise<readonly PoolFinding[]> {
  const { worker } = pool;
  if (worker.engine === undefined) return [];
  const target = targetOf(worker);
  const [python] = worker.argv;
  const argv = [python, '-c', pythonQuestions, target.directory, target.module, target.kind] as const;
  const result = await readers.runAs(worker, argv, importTimeoutMs);
  return judge(python, target, result, worker);
}

/** The words of the command line say it all; there is no second copy of the settings to disagree with. */
function targetOf({ argv, directory }: WorkerPlan): Target {
  const word = (name: string): string | undefined =>
    argv.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  const application = word('application');
  if (application !== undefined) {
    const [module = ''] = application.split(':');
    return { kind: 'wsgi', directory: word('directory') ?? directory, module };
  }
  return { kind: 'django', directory: word('project') ?? directory, module: word('settings') ?? '' };
}

function judge(
  python: string,
  target: Target,
  result: RunResult,
  worker: WorkerPlan,
): readonly PoolFinding[] {
  const key = `${target.kind}.python`;
  if (result.outcome === 'timed-out') {
    const message = `${python} did not answer within ${importTimeoutMs / 1000} s`;
    return [
      { severity: 'warning', key, message, hint: 'Workers may take as long to start; see boot_timeout.' },
    ];
  }
  const answers = readAnswers(result.stdout);
  const version = answers.get('version');
  if (version === undefined) {
    const words = result.stderr.trim().split('\n').at(-1) || `exit status ${result.status}`;
    return [{ severity: 'problem', key, message: `${python} does not run: ${words}` }];
  }
  return isTooOld(version.text)
    ? [tooOld(python, version.text, key)]
    : judgeModules(python, target, answers, worker);
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
  { kind, directory, module }: Target,
  answers: ReadonlyMap<string, Answer>,
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
  const found = answers.get('module');
  if (found?.isOk === false) {
    const key = kind === 'django' ? 'django.settings' : 'wsgi.application';
    problem(
      key,
      `"${module}" is not found from ${directory}: ${found.text}`,
      'Correct the name, or the directory.',
    );
  }
  return findings;
}

function readAnswers(stdout: string): ReadonlyMap<string, Answer> {
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
