import { systemReaders } from '../check/system-readers.ts';
import type { WorkerPlan } from '../plan/plan.ts';

/** What an interpreter has for a Django site. */
export interface InterpreterFacts {
  readonly program: string;
  /** Major and minor; `undefined`: it does not run, and `trouble` says why. */
  readonly python: readonly [number, number] | undefined;
  readonly django: readonly [number, number] | undefined;
  /** Why there is no Django, in Python's words. */
  readonly trouble: string;
  readonly hasFlup: boolean;
}

const timeoutMs = 10_000;

/** Understood by every Python since 2.4. The site itself is not imported. */
const question = `
import sys
def tell(name, text):
    sys.stdout.write("%s\\t%s\\n" % (name, str(text).replace("\\n", " ")))
tell("python", "%d.%d" % sys.version_info[:2])
try:
    import django
    tell("django", "%d.%d" % django.VERSION[:2])
except Exception:
    error = sys.exc_info()[1]
    tell("trouble", "%s: %s" % (error.__class__.__name__, error))
try:
    import flup.server.fcgi
    tell("flup", "yes")
except Exception:
    pass
`;

/** Asks the interpreter of a worker, in the worker's surroundings, for at most ten seconds. */
export async function askInterpreter(
  worker: WorkerPlan,
  ask = systemReaders.runAs,
): Promise<InterpreterFacts> {
  const [program] = worker.argv;
  const { outcome, status, stdout, stderr } = await ask(worker, [program, '-c', question], timeoutMs);
  const answers = new Map(
    stdout.split('\n').map((line): [string, string] => {
      const [name = '', text = ''] = line.split('\t');
      return [name, text];
    }),
  );
  const silence =
    outcome === 'timed-out'
      ? `it did not answer within ${timeoutMs / 1_000} s`
      : stderr.trim().split('\n').at(-1) ||
        (outcome === 'not-started' ? 'it cannot be started' : `exit status ${status}`);
  return {
    program,
    python: versionFrom(answers.get('python')),
    django: versionFrom(answers.get('django')),
    trouble: answers.get('trouble') ?? silence,
    hasFlup: answers.has('flup'),
  };
}

function versionFrom(text: string | undefined): readonly [number, number] | undefined {
  const [major, minor] = (text ?? '').split('.').map(Number);
  return major === undefined || minor === undefined ? undefined : [major, minor];
}
