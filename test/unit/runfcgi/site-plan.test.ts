import { describe, expect, it } from 'vitest';
import { readRunfcgiWords } from '../../../src/config/runfcgi-words.ts';
import type { LoadedPlan } from '../../../src/plan/load.ts';
import type { Surroundings } from '../../../src/plan/surroundings.ts';
import type { InterpreterFacts } from '../../../src/runfcgi/django-question.ts';
import { planSite, siteDirectory } from '../../../src/runfcgi/site-plan.ts';
import { ann, memoryFiles, surroundings } from '../../helpers/surroundings.ts';

const directory = '/home/ann/mysite';
const modern = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n';

type Answers = Readonly<Record<string, Partial<InterpreterFacts>>>;

const today: Answers = { python3: { python: [3, 11], django: [4, 2] } };

interface Machine {
  readonly manage?: string;
  readonly answers?: Answers;
  readonly changes?: Partial<Surroundings>;
}

function plan(
  words: string,
  { manage = modern, answers = today, changes = {} }: Machine = {},
): Promise<LoadedPlan> {
  const files = memoryFiles(manage === '' ? {} : { [`${directory}/manage.py`]: manage });
  return planSite({
    words: readRunfcgiWords(words.split(' ')),
    surroundings: surroundings({ ...ann, files, workingDirectory: directory, ...changes }),
    runtimeDir: '/state/mysite/7',
    logFile: '/state/mysite/runfcgid.log',
    ask: async ({ argv: [program] }) => ({
      program,
      python: undefined,
      django: undefined,
      trouble: 'it cannot be started',
      hasFlup: false,
      ...answers[program],
    }),
  });
}

async function argv(words: string, machine?: Machine): Promise<readonly string[]> {
  const { plan: made } = await plan(words, machine);
  return made.pools[0]?.worker.argv ?? [];
}

describe('the plan of a site', () => {
  it('serves the project by the engine, with the settings of manage.py', async () => {
    expect(await argv('socket=a')).toEqual([
      'python3',
      '-m',
      'runfcgi',
      `project=${directory}`,
      'settings=mysite.settings',
      'method=prefork',
    ]);
  });

  it.each([
    ['socket=a settings=given', { DJANGO_SETTINGS_MODULE: 'environment' }, modern, 'given'],
    ['socket=a', { DJANGO_SETTINGS_MODULE: 'environment' }, modern, 'environment'],
    ['socket=a', { DJANGO_SETTINGS_MODULE: 'environment' }, '', 'environment'],
    [
      'socket=a',
      { DJANGO_SETTINGS_MODULE: 'environment' },
      'os.environ["DJANGO_SETTINGS_MODULE"] = "forced"',
      'forced',
    ],
  ])('chooses the settings as manage.py would: %s %j', async (words, environment, manage, settings) => {
    expect(await argv(words, { manage, changes: { environment } })).toContain(`settings=${settings}`);
  });

  it.each([
    ['socket=a python=/opt/python', modern, '/opt/python'],
    ['socket=a', `#!/srv/venv/bin/python\n${modern}`, '/srv/venv/bin/python'],
    ['socket=a', `#!/usr/bin/env python\n${modern}`, 'python'],
  ])('asks the interpreters that may be meant: %s %j', async (words, manage, python) => {
    const answers: Answers = { [python]: { python: [3, 9], django: [3, 2] } };
    expect((await argv(words, { manage, answers }))[0]).toBe(python);
  });

  it("runs the project's own command where Django is old", async () => {
    const answers: Answers = { python2: { python: [2, 7], django: [1, 4], hasFlup: true } };
    const { plan: made } = await plan('socket=a method=threaded', {
      manage: '#!/usr/bin/env python2\n',
      answers,
    });
    expect(made.pools[0]).toMatchObject({
      preset: 'django-legacy',
      workers: 1,
      worker: { argv: ['python2', 'manage.py', 'runfcgi', 'method=threaded', 'daemonize=false'], directory },
      lifecycle: { stopSignal: 'SIGTERM' },
    });
  });

  it.each<[string, Machine, RegExp]>([
    [
      'socket=a',
      { answers: {} },
      /^no Django is found for the project in \/home\/ann\/mysite\npython3: it cannot be started$/,
    ],
    [
      'socket=a',
      { manage: '' },
      /^which settings module\? DJANGO_SETTINGS_MODULE is not set, and there is no manage\.py in/,
    ],
    ['socket=a', { manage: 'pass' }, /and manage\.py does not say in/],
    [
      'socket=a',
      { answers: { python3: { python: [3, 6], django: [2, 2] } } },
      /^python3 \(Python 3\.6, Django 2\.2\) is too old for the engine/,
    ],
    [
      'socket=a',
      { answers: { python3: { python: [2, 7], django: [1, 8] } } },
      /^python3 \(Python 2\.7, Django 1\.8\) needs flup/,
    ],
    [`socket=/${'x'.repeat(120)}`, {}, /^listen: a socket path has at most 107 bytes/],
    ['host=www.example.com port=80', {}, /^listen: expected an IP address/],
    ['socket=a user=nobody-here', {}, /^user: there is no user "nobody-here"/],
  ])('is refused: %s %j', async (words, machine, message) => {
    await expect(plan(words, machine)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(message),
    });
  });
});

describe('the directory of a site', () => {
  const where = (words: string, changes: Partial<Surroundings>): string =>
    siteDirectory(
      readRunfcgiWords(words.split(' ')),
      surroundings({ workingDirectory: directory, ...changes }),
    );

  it('is the same in a shell and in an emptied environment', () => {
    const path = '/home/ann/.local/state/runfcgi/mysite';
    expect(where('socket=mysite.sock', { ...ann })).toBe(path);
    expect(
      where('socket=mysite.sock', { ...ann, home: '/', environment: { XDG_RUNTIME_DIR: '/run/user/1000' } }),
    ).toBe(path);
  });

  it('is below /run for root, and where it is wanted', () => {
    expect(where('host=::1 port=3033', {})).toBe('/run/runfcgi/mysite-3033');
    expect(where('socket=a runtime_dir=../state', { ...ann })).toBe('/home/ann/state');
  });
});
