import { describe, expect, it } from 'vitest';
import { checkPlan } from '../../../src/check/check-plan.ts';
import type { CheckFinding } from '../../../src/check/finding.ts';
import type { CheckReaders, FileFacts, RunResult } from '../../../src/check/readers.ts';
import { RunfcgidError } from '../../../src/errors.ts';
import { loadText } from '../../helpers/surroundings.ts';

const openDirectory: FileFacts = { kind: 'directory', mode: 0o755, uid: 0, gid: 0 };
const programFile: FileFacts = { kind: 'file', mode: 0o755, uid: 0, gid: 0 };

const goodAnswers = [
  'version\tok\t3.11',
  'engine\tok\t/opt/runfcgid/python/runfcgi/__init__.py',
  'django\tok\t4.2',
  'target\tok\tmysite.settings',
];

function exited(lines: readonly string[], status = 0, stderr = ''): RunResult {
  return { outcome: 'exited', status, stdout: lines.map((line) => `${line}\n`).join(''), stderr };
}

/** A machine on which everything is well. */
function machine(changes: Partial<CheckReaders> = {}): CheckReaders {
  return {
    stat: (path) => (path.endsWith('.sock') ? undefined : path === '/bin/x' ? programFile : openDirectory),
    mayAccess: () => true,
    firstLine: () => '',
    findProgram: ({ argv: [name] }) => name,
    runAs: async (_worker, [program]) => exited(program === '/usr/bin/test' ? [] : goodAnswers),
    whoListens: () => [],
    describeOwners: (owners) => owners.map(({ pid }) => `pid ${pid}`).join(),
    bindProblem: async () => undefined,
    livingPid: () => undefined,
    refusalOfLog: () => undefined,
    refusalOfDirectory: () => undefined,
    refusalOfRuntimeDir: () => undefined,
    ...changes,
  };
}

const command = (more = ''): string =>
  `[pools.a]\ncommand = ["/bin/x"]\nlisten = "/run/a.sock"\nlisten_group = "www-data"\nuser = "ann"\n${more}`;
const django =
  '[pools.a]\ndjango = { settings = "mysite.settings" }\ndirectory = "/srv/a"\nlisten = "127.0.0.1:9000"\nuser = "ann"\n';

async function check(toml: string, changes: Partial<CheckReaders> = {}): Promise<readonly CheckFinding[]> {
  const { plan } = await loadText(toml);
  return checkPlan(plan, machine(changes));
}

/** What is wrong, in which configuration, on which machine, and what is said of it. */
type Row = [string, string, Partial<CheckReaders>, Partial<CheckFinding>];

const refusal = { message: 'found a FIFO', hint: 'Remove it.' };

function notFound(message: string): never {
  throw new RunfcgidError('SPAWN_FAILED', message, { hint: 'Install it.' });
}

/** Facts of one path; everything else as on a good machine. */
const only = (path: string, facts: FileFacts | undefined) => (asked: string) =>
  asked === path ? facts : machine().stat(asked);

describe('a dry run', () => {
  it('finds nothing on a machine where everything is well', async () => {
    expect(await check(command())).toEqual([]);
    expect(await check(django)).toEqual([]);
  });

  it('tells the problems of refused pools as they are', async () => {
    expect(await check('[pools.a]\nlisten = "/run/a.sock"\n')).toEqual([
      {
        severity: 'problem',
        pool: 'a',
        key: '',
        message: expect.stringContaining('runfcgid.toml:1:1: pools.a:'),
      },
    ]);
  });

  it.each<Row>([
    [
      'a program that does not exist',
      command(),
      { findProgram: () => notFound('the program "/bin/x" does not exist') },
      {
        severity: 'problem',
        key: 'command',
        message: 'the program "/bin/x" does not exist',
        hint: 'Install it.',
      },
    ],
    [
      'a missing directory',
      command(),
      { findProgram: () => notFound('the working directory "/srv" does not exist') },
      { severity: 'problem', key: 'directory' },
    ],
    [
      'a script whose interpreter env does not find',
      command(),
      {
        firstLine: () => '#!/usr/bin/env -S python -u',
        findProgram: ({ argv: [name] }) =>
          name === 'python' ? notFound('there is no program "python"') : name,
      },
      {
        severity: 'problem',
        key: 'command',
        message: 'the script "/bin/x" asks env for "python", and there is no program "python"',
      },
    ],
    [
      'a directory that the user may not enter',
      command(),
      { runAs: async (_worker, argv) => exited([], argv[2] === '/etc/runfcgid' ? 1 : 0) },
      {
        severity: 'problem',
        key: 'directory',
        message: 'the user "ann" may not enter the directory /etc/runfcgid',
      },
    ],
    [
      'a program that the user may not run',
      command(),
      { runAs: async (_worker, argv) => exited([], argv[2] === '/bin/x' ? 1 : 0) },
      { severity: 'problem', key: 'command', message: 'the user "ann" may not run the program /bin/x' },
    ],
    [
      'a script that the user may not read',
      command(),
      { firstLine: () => '#!/bin/sh', runAs: async (_worker, argv) => exited([], argv[1] === '-r' ? 1 : 0) },
      { severity: 'problem', key: 'command', message: 'the user "ann" may not read the script /bin/x' },
    ],
    [
      'a program that the daemon itself may not run',
      command().replace('user = "ann"\n', ''),
      { mayAccess: (path, right) => !(path === '/bin/x' && right === 'execute') },
      { severity: 'problem', key: 'command', message: 'this user may not run the program /bin/x' },
    ],
    [
      'a slow log in a directory that does not exist',
      `${django}slow_request = "1s"\nslow_log = "/var/log/a/slow.log"\n`,
      { stat: only('/var/log/a', undefined) },
      { severity: 'warning', key: 'slow_log', message: 'there is no directory /var/log/a' },
    ],
    [
      'a slow log in a directory that may not be written',
      `${django}slow_request = "1s"\nslow_log = "/var/log/a/slow.log"\n`,
      { mayAccess: (path, right) => !(path === '/var/log/a' && right === 'write') },
      { severity: 'warning', key: 'slow_log', message: '/var/log/a is not writable for this user' },
    ],
    [
      'a slow log that the daemon would not write to',
      `${django}slow_request = "1s"\nslow_log = "/var/log/a/slow.log"\n`,
      { refusalOfLog: (path) => (path === '/var/log/a/slow.log' ? refusal : undefined) },
      {
        severity: 'warning',
        key: 'slow_log',
        message: 'the log file /var/log/a/slow.log: found a FIFO',
        hint: 'Remove it.',
      },
    ],
    [
      'a directory that the daemon would not use for its own files',
      `[daemon]\nruntime_dir = "/run/d"\n${command()}`,
      { refusalOfRuntimeDir: (path) => (path === '/run/d' ? refusal : undefined) },
      {
        severity: 'problem',
        pool: undefined,
        key: 'daemon.runtime_dir',
        message: 'found a FIFO',
        hint: 'Remove it.',
      },
    ],
    [
      'a log that the daemon would not write to',
      `[daemon]\nlog_file = "/var/log/d.log"\n${command()}`,
      { refusalOfLog: (path) => (path === '/var/log/d.log' ? refusal : undefined) },
      {
        severity: 'problem',
        pool: undefined,
        key: 'daemon.log_file',
        message: 'the log file /var/log/d.log: found a FIFO',
        hint: 'Remove it.',
      },
    ],
    [
      'an address in use',
      command(),
      { whoListens: () => [{ pid: 77, program: 'x', uid: 0 }] },
      { severity: 'problem', key: 'listen', message: 'somebody listens on unix:/run/a.sock already: pid 77' },
    ],
    [
      'a port that cannot be had',
      django,
      { bindProblem: async () => 'EACCES: permission denied' },
      {
        severity: 'problem',
        key: 'listen',
        message: '127.0.0.1:9000 cannot be listened on: EACCES: permission denied',
      },
    ],
    [
      'a link on the way to the socket that the daemon would not follow',
      command(),
      { refusalOfDirectory: (path) => (path === '/run' ? refusal : undefined) },
      {
        severity: 'problem',
        key: 'listen',
        message: 'there is no way to the directory /run: found a FIFO',
        hint: 'Remove it.',
      },
    ],
    [
      'a file in the place of the socket',
      command(),
      { stat: only('/run/a.sock', programFile) },
      { severity: 'problem', key: 'listen', message: '/run/a.sock exists and is not a socket' },
    ],
    [
      'a socket directory that does not exist',
      command().replace('/run/a.sock', '/run/site/a.sock'),
      { stat: only('/run/site', undefined) },
      { severity: 'problem', key: 'listen', hint: expect.stringContaining('mkdir -p /run/site') },
    ],
    [
      'a socket directory that is not writable',
      command(),
      { mayAccess: (path, right) => !(path === '/run' && right === 'write') },
      { severity: 'problem', key: 'listen', message: 'the directory /run is not writable for this user' },
    ],
    [
      'a socket that no web server may open',
      command().replace('listen_group = "www-data"\n', ''),
      {},
      {
        severity: 'warning',
        key: 'listen_group',
        message: "only its owner and the daemon's own group may connect to /run/a.sock",
      },
    ],
    [
      'a socket that no web server may open, in a directory that the daemon will make',
      `[daemon]\nruntime_dir = "/run/x"\n${command().replace('/run/a.sock', '/run/x/a.sock').replace('listen_group = "www-data"\n', '')}`,
      { stat: only('/run/x', undefined) },
      {
        severity: 'warning',
        key: 'listen_group',
        message: "only its owner and the daemon's own group may connect to /run/x/a.sock",
      },
    ],
    [
      'a closed directory on the way to the socket',
      command().replace('/run/a.sock', '/home/ann/site/a.sock'),
      { stat: only('/home/ann', { ...openDirectory, mode: 0o750, gid: 1000 }) },
      {
        severity: 'warning',
        key: 'listen',
        message: expect.stringContaining('/home/ann lets only its owner and group through'),
      },
    ],
    [
      'a configuration that everybody may change',
      command(),
      { stat: only('/etc/runfcgid/runfcgid.toml', { ...programFile, mode: 0o666 }) },
      {
        severity: 'warning',
        message: expect.stringContaining('everybody may change /etc/runfcgid/runfcgid.toml'),
      },
    ],
    [
      'a runtime directory that is not writable',
      command(),
      { mayAccess: (path) => path !== '/run/runfcgid' },
      {
        severity: 'problem',
        key: 'daemon.runtime_dir',
        message: '/run/runfcgid is not writable for this user',
      },
    ],
    [
      'a runtime directory that cannot be made',
      django,
      {
        stat: only('/run/runfcgid', undefined),
        mayAccess: (path) => path !== '/run',
      },
      {
        severity: 'problem',
        key: 'daemon.runtime_dir',
        message: 'the directory /run/runfcgid does not exist',
      },
    ],
    [
      'a pidfile in a directory that does not exist',
      `[daemon]\npidfile = "/gone/x.pid"\n${command()}`,
      { stat: only('/gone', undefined) },
      { severity: 'problem', key: 'daemon.pidfile', message: 'the directory /gone does not exist' },
    ],
    [
      'an old Python',
      django,
      { runAs: async (_worker, [program]) => exited(program === 'python3' ? ['version\tok\t3.7'] : []) },
      {
        severity: 'problem',
        key: 'django.python',
        message: 'python3 is Python 3.7; the engine needs 3.8 or later',
      },
    ],
    [
      'a Python that does not run',
      django,
      {
        runAs: async (_worker, [program]) =>
          program === 'python3' ? exited([], 1, 'Fatal\nno encodings\n') : exited([]),
      },
      { severity: 'problem', key: 'django.python', message: 'python3 does not run: no encodings' },
    ],
    [
      'a Python that hangs',
      django,
      {
        runAs: async (_worker, [program]) =>
          program === 'python3'
            ? { outcome: 'timed-out', status: undefined, stdout: '', stderr: '' }
            : exited([]),
      },
      { severity: 'warning', key: 'django.python', message: 'python3 did not answer within 30s' },
    ],
    [
      'missing Django',
      django,
      { runAs: answering('django', "error\tModuleNotFoundError: No module named 'django'") },
      {
        severity: 'problem',
        key: 'django.python',
        message: "python3 cannot import Django: ModuleNotFoundError: No module named 'django'",
      },
    ],
    [
      'missing settings',
      django,
      { runAs: answering('target', 'error\tthe project directory /srv/a has no module "mysite.settings"') },
      {
        severity: 'problem',
        key: 'django.settings',
        message: 'the project directory /srv/a has no module "mysite.settings"',
      },
    ],
    [
      'an engine that the user cannot read',
      django,
      { runAs: answering('engine', "error\tModuleNotFoundError: No module named 'runfcgi'") },
      {
        severity: 'problem',
        key: 'django.python',
        hint: 'The user of the workers must be able to read /opt/runfcgid/python.',
      },
    ],
    [
      'a module of the site with the name of the engine',
      django,
      { runAs: answering('engine', 'ok\t/srv/a/runfcgi.py') },
      {
        severity: 'problem',
        key: 'directory',
        message: '/srv/a/runfcgi.py hides the engine, which has the same name',
      },
    ],
    [
      'a missing WSGI application',
      '[pools.a]\nwsgi = { application = "api.web:app" }\ndirectory = "/srv/a"\nlisten = "127.0.0.1:9000"\nuser = "ann"\n',
      { runAs: answering('target', 'error\tmodule "api.web" has no "app"; nothing in it can be called') },
      {
        severity: 'problem',
        key: 'wsgi.application',
        message: 'module "api.web" has no "app"; nothing in it can be called',
        hint: 'Correct the name, or the directory.',
      },
    ],
    [
      'a site that raises an error',
      django,
      {
        runAs: async (_worker, [program]) =>
          exited(
            program === '/usr/bin/test'
              ? []
              : [
                  ...goodAnswers.slice(0, -1),
                  'site\terror\tthe root URLconf "a.urls" raised NameError: x',
                  'place\tok\tFile "/srv/a/a/urls.py", line 9, in <module>',
                ],
          ),
      },
      {
        severity: 'problem',
        key: 'django',
        message: 'the root URLconf "a.urls" raised NameError: x',
        hint: 'Look at /srv/a/a/urls.py, line 9.',
      },
    ],
    ...(
      [
        [3, 'with exit status 3'],
        [undefined, 'by a signal'],
      ] as const
    ).map(
      ([status, how]): Row => [
        `a site that ends the interpreter ${how}`,
        django,
        {
          runAs: async (_worker, [program]) =>
            program === 'python3' ? { ...exited(goodAnswers.slice(0, -1)), status } : exited([]),
        },
        {
          severity: 'problem',
          key: 'django',
          message: `loading "mysite.settings" has ended the interpreter, ${how}`,
          hint: 'A worker would end with this.',
        },
      ],
    ),
    [
      'a site that hangs while it is loaded',
      django,
      {
        runAs: async (_worker, [program]) =>
          program === 'python3'
            ? { ...exited(goodAnswers.slice(0, -1)), outcome: 'timed-out', status: undefined }
            : exited([]),
      },
      { severity: 'warning', key: 'django', message: 'loading "mysite.settings" has not ended within 30s' },
    ],
  ])('tells of %s, and of nothing else', async (_title, toml, changes, expected) => {
    const findings = await check(toml, changes);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject(expected);
  });

  it('does not mind the daemon that runs this configuration', async () => {
    const owners = [
      { pid: 12, program: 'x', uid: 0 },
      { pid: 10, program: 'runfcgid', uid: 0 },
    ];
    expect(await check(command(), { whoListens: () => owners, livingPid: () => 10 })).toEqual([]);
    expect(await check(command(), { whoListens: () => owners, livingPid: () => 99 })).toHaveLength(1);
  });

  it('does not mind a runtime directory that is still to be made, nor the sockets in it', async () => {
    const missing = (path: string) => (path.startsWith('/run/runfcgid') ? undefined : openDirectory);
    expect(await check(command().replace('/run/a.sock', '/run/runfcgid/a.sock'), { stat: missing })).toEqual(
      [],
    );
  });

  it('lets a group through a directory that is closed for others', async () => {
    const stat = only('/home/ann', { ...openDirectory, mode: 0o750, gid: 33 });
    expect(await check(command().replace('/run/a.sock', '/home/ann/a.sock'), { stat })).toEqual([]);
  });
});

/** A Python that answers one question differently. */
function answering(question: string, answer: string): CheckReaders['runAs'] {
  const answers = goodAnswers.map((line) =>
    line.startsWith(`${question}\t`) ? `${question}\t${answer}` : line,
  );
  return async (_worker, [program]) => exited(program === '/usr/bin/test' ? [] : answers);
}

describe('an address that belongs to one socket', () => {
  const listenOn = (listen: string): string =>
    command().replace('/run/a.sock', listen).replace('listen_group = "www-data"', '');
  const taken = { whoListens: () => [{ pid: 7, program: 'x', uid: 0 }] };

  it('with an abstract name may be taken, and is open to everybody', async () => {
    expect(await check(listenOn('unix:@site'), taken)).toMatchObject([
      { severity: 'problem', message: 'somebody listens on unix:@site already: pid 7' },
      { severity: 'warning', message: expect.stringContaining('every user of this machine may connect') },
    ]);
  });

  it.each(['systemd:web', 'fd:0'])(
    'says nothing before the daemon is started with it: %s',
    async (listen) => {
      expect(await check(listenOn(listen), taken)).toEqual([]);
    },
  );
});
