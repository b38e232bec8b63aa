import { RunfcgidError } from '../errors.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { PoolFinding } from './finding.ts';
import type { CheckReaders } from './readers.ts';

const testTimeoutMs = 5000;

/** Whether directory and program exist, and whether the user of the workers may use them. */
export async function checkProgram(
  worker: WorkerPlan,
  readers: CheckReaders,
): Promise<readonly PoolFinding[]> {
  const found = findProgram(worker, readers);
  if (typeof found !== 'string') return [found];
  const missing = missingEnvProgram(worker, found, readers);
  if (missing !== undefined) return [missing];
  return rightsOf(worker, found, readers);
}

function findProgram(worker: WorkerPlan, readers: CheckReaders): string | PoolFinding {
  try {
    return readers.findProgram(worker);
  } catch (error) {
    if (!(error instanceof RunfcgidError)) throw error;
    const { message, hint } = error;
    const key = message.includes('working directory') ? 'directory' : programKey(worker);
    return { severity: 'problem', key, message, ...(hint === undefined ? {} : { hint }) };
  }
}

/** `#!/usr/bin/env python` starts well and then finds no python, with a status 127 and a riddle. */
function missingEnvProgram(
  worker: WorkerPlan,
  script: string,
  readers: CheckReaders,
): PoolFinding | undefined {
  const name = envProgram(readers.firstLine(script));
  if (name === undefined) return undefined;
  try {
    readers.findProgram({ ...worker, argv: [name] });
    return undefined;
  } catch (error) {
    if (!(error instanceof RunfcgidError)) throw error;
    return {
      severity: 'problem',
      key: programKey(worker),
      message: `the script "${script}" asks env for "${name}", and ${error.message}`,
      hint: `Write the interpreter into the command, as in ["python3", "${worker.argv[0]}"], or correct the first line of the script.`,
    };
  }
}

/** The kernel hands env one word, whatever blanks are in it; only `-S` splits it (env(1)). */
function envProgram(firstLine: string): string | undefined {
  const word = /^#!\s*\S*\/env\s+(?<word>.*?)\s*$/.exec(firstLine)?.groups?.['word'];
  if (word === undefined) return undefined;
  if (!word.startsWith('-S')) return word;
  const words = word.slice('-S'.length).trim().split(/\s+/);
  return words.find((each) => !each.startsWith('-') && !each.includes('='));
}

/** Asked as the user itself where that is another one: lists and capabilities count, not only the mode bits. */
async function rightsOf(
  worker: WorkerPlan,
  program: string,
  readers: CheckReaders,
): Promise<readonly PoolFinding[]> {
  const { directory, identity } = worker;
  const who = identity === undefined ? 'this user' : `the user "${identity.user}"`;
  const isScript = readers.firstLine(program).startsWith('#!');
  // A directory first: nothing in it can be reached without it.
  const rights: readonly Right[] = [
    { flag: '-x', path: directory, key: 'directory', what: 'enter the directory' },
    { flag: '-x', path: program, key: programKey(worker), what: 'run the program' },
    { flag: '-r', path: program, key: programKey(worker), what: 'read the script' },
  ];
  for (const { flag, path, key, what } of rights) {
    if (flag === '-r' && !isScript) continue;
    if (await isAllowed(worker, flag, path, readers)) continue;
    const hint = 'Every directory on the way must be searchable too; namei -l shows them.';
    return [{ severity: 'problem', key, message: `${who} may not ${what} ${path}`, hint }];
  }
  return [];
}

interface Right {
  /** Of test(1). */
  readonly flag: '-x' | '-r';
  readonly path: string;
  readonly key: string;
  readonly what: string;
}

async function isAllowed(
  worker: WorkerPlan,
  flag: Right['flag'],
  path: string,
  readers: CheckReaders,
): Promise<boolean> {
  if (worker.identity === undefined) return readers.mayAccess(path, flag === '-x' ? 'execute' : 'read');
  const asked = await readers.runAs(
    { ...worker, directory: '/' },
    ['/usr/bin/test', flag, path],
    testTimeoutMs,
  );
  // 1 is test(1)'s "no"; anything else is a machine where we cannot ask, and no reason to cry.
  return asked.status !== 1;
}

export function programKey({ engine, argv }: WorkerPlan): string {
  if (engine === undefined) return 'command';
  return argv.some((word) => word.startsWith('application=')) ? 'wsgi.python' : 'django.python';
}
