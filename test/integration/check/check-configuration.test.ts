import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../../src/check/check-configuration.ts';
import type { CheckFinding } from '../../../src/check/finding.ts';
import type { CheckReaders } from '../../../src/check/readers.ts';
import { systemReaders } from '../../../src/check/system-readers.ts';
import { repository } from '../../helpers/daemon.ts';

const python = '/usr/bin/python3';
/** An interpreter that a busy machine keeps waiting is not one that hangs. */
const readers: CheckReaders = {
  ...systemReaders,
  runAs: (worker, argv, timeoutMs) => systemReaders.runAs(worker, argv, 6 * timeoutMs),
};
const servers: Server[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runfcgid-check-'));
  chmodSync(folder, 0o755);
});

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

async function problemsOf(toml: string): Promise<readonly CheckFinding[]> {
  const file = join(folder, 'runfcgid.toml');
  writeFileSync(file, `[daemon]\nruntime_dir = "run"\n${toml}`);
  const { findings } = await checkConfiguration(file, readers);
  return findings.filter(({ severity }) => severity === 'problem');
}

function writeProgram(name: string, text: string): void {
  writeFileSync(join(folder, name), text, { mode: 0o755 });
}

async function listenSomewhere(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('a dry run on this machine', () => {
  it('finds no problem in a pool that would work, and makes nothing', async () => {
    writeProgram('site', '#!/bin/sh\n');
    expect(await problemsOf('[pools.a]\ncommand = ["./site"]\nlisten = "./a.sock"\n')).toEqual([]);
    expect(systemReaders.stat(join(folder, 'run'))).toBeUndefined();
    expect(systemReaders.stat(join(folder, 'a.sock'))).toBeUndefined();
  });

  it('reads a configuration from a pipe, and no more than anybody would write', async () => {
    const toml = `[daemon]\nruntime_dir = "${folder}/run"\n[pools.a]\ncommand = ["/bin/true"]\nlisten = "${folder}/a.sock"\n`;
    const words = `exec "$0" "$1" check <(printf '%s' "$2")`;
    const { status, stdout } = spawnSync(
      'bash',
      ['-c', words, process.execPath, `${repository}/bin/fcgictl.js`, toml],
      { encoding: 'utf8' },
    );
    expect([status, stdout]).toEqual([0, expect.stringContaining('/dev/fd/')]);
    await expect(checkConfiguration('/dev/zero', systemReaders)).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: '/dev/zero: cannot be read: expected at most 16 MiB, found more',
      hint: 'See whether it is the right file.',
    });
  });

  it('names who has the port', async () => {
    const port = await listenSomewhere();
    expect(await problemsOf(`[pools.a]\ncommand = ["/bin/true"]\nlisten = "127.0.0.1:${port}"\n`)).toEqual([
      expect.objectContaining({
        pool: 'a',
        key: 'listen',
        message: expect.stringContaining(`127.0.0.1:${port} already`),
      }),
    ]);
  });

  it('says in the words of the system why an address cannot be had', async () => {
    expect(await problemsOf('[pools.a]\ncommand = ["/bin/true"]\nlisten = "192.0.2.1:9000"\n')).toEqual([
      expect.objectContaining({ key: 'listen', message: expect.stringContaining('EADDRNOTAVAIL') }),
    ]);
  });

  it('sees programs, interpreters and directories that are not there', async () => {
    writeProgram('no-env', '#!/usr/bin/env no-such-interpreter\n');
    writeProgram('no-shebang', '#!/no/such/interpreter\n');
    const problems = await problemsOf(`
[pools.env]
command = ["./no-env"]
listen = "./1.sock"
[pools.shebang]
command = ["./no-shebang"]
listen = "./2.sock"
[pools.program]
command = ["no-such-program"]
listen = "./3.sock"
[pools.folder]
command = ["/bin/true"]
directory = "nowhere"
listen = "./sockets/4.sock"
`);
    expect(problems.map(({ pool, key }) => `${pool} ${key}`)).toEqual([
      'env command',
      'shebang command',
      'program command',
      'folder directory',
      'folder listen',
    ]);
  });

  function writeSite(files: Readonly<Record<string, string>>): void {
    mkdirSync(join(folder, 'site'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'site', name), text);
  }

  const wsgiPool = (name: string, application: string): string => `[pools.${name}]
wsgi = { application = "${application}", python = "${python}" }
directory = "site"
listen = "./${name}.sock"
`;

  it('loads an application as the engine does, and tells what is missing and what there is instead', async () => {
    writeSite({
      'web.py':
        'from functools import partial\ndef make(environ, start_response): pass\napplication = partial(make)\n',
      'slip.py': 'import web\n\nweb.gone()\n',
    });
    const pools = ['web:application', 'web:app', 'gone:app', 'slip:app'];
    const problems = await problemsOf(pools.map((name, index) => wsgiPool(`p${index}`, name)).join(''));
    expect(problems).toMatchObject([
      {
        pool: 'p1',
        key: 'wsgi.application',
        message: 'module "web" has no "app"; what can be called in it: "application", "make"',
      },
      {
        pool: 'p2',
        key: 'wsgi.application',
        message: expect.stringMatching(/^no module "gone" in .*\/site, or on sys\.path/),
      },
      {
        pool: 'p3',
        key: 'wsgi',
        message: `importing "slip" raised AttributeError: module 'web' has no attribute 'gone'`,
        hint: `Look at ${join(folder, 'site', 'slip.py')}, line 3.`,
      },
    ]);
  });

  it('loads a Django project with its URLs', async () => {
    writeSite({
      'good.py': 'SECRET_KEY = "x"\nROOT_URLCONF = "urls"\n',
      'urls.py': 'urlpatterns = []\n',
      'bad.py': 'SECRET_KEY = "x"\nROOT_URLCONF = "bad_urls"\n',
      'bad_urls.py': 'urlpatterns = [pags]\n',
    });
    const pool = (name: string): string =>
      wsgiPool(name, '').replace('wsgi = { application = ""', `django = { settings = "${name}"`);
    const problems = await problemsOf(pool('good') + pool('bad') + pool('none'));
    expect(problems).toMatchObject([
      {
        pool: 'bad',
        key: 'django',
        message: expect.stringContaining(`the root URLconf "bad_urls" raised NameError: name 'pags'`),
        hint: `Look at ${join(folder, 'site', 'bad_urls.py')}, line 1.`,
      },
      { pool: 'none', key: 'django.settings', message: expect.stringContaining('has no module "none"') },
    ]);
  });

  it('is not led astray or kept waiting by what an application prints and starts, and writes no file', async () => {
    writeSite({
      'loud.py': `import os, subprocess, sys, threading, time
print("target\\terror\\tno such thing")
print("x" * 300_000)
print("y" * 300_000, file=sys.stderr)
threading.Thread(target=time.sleep, args=(600,)).start()
child = subprocess.Popen(["sleep", "600"])
fork = os.fork()
if fork == 0:
    time.sleep(600)
open("pids", "w").write("%d %d" % (child.pid, fork))
def app(environ, start_response): pass
`,
      'leaves.py': 'raise SystemExit("configure me")\n',
      'ends.py': 'import os\nos._exit(3)\n',
    });
    const pools = ['loud', 'leaves', 'ends'].map((name) => wsgiPool(name, `${name}:app`));
    const problems = await problemsOf(pools.join(''));
    for (const pid of readFileSync(join(folder, 'site', 'pids'), 'utf8').split(' '))
      process.kill(Number(pid));
    expect(problems).toMatchObject([
      { pool: 'leaves', message: expect.stringContaining('SystemExit: configure me') },
      { pool: 'ends', message: 'loading "ends:app" has ended the interpreter, with exit status 3' },
    ]);
    expect(readdirSync(join(folder, 'site')).sort()).toEqual(['ends.py', 'leaves.py', 'loud.py', 'pids']);
  });

  it('sees an interpreter that does not run', async () => {
    writeProgram('broken-python', '#!/bin/sh\necho "no encodings" >&2\nexit 1\n');
    const [problem] = await problemsOf(
      '[pools.a]\nwsgi = { application = "a:b", python = "./broken-python" }\nlisten = "./1.sock"\n',
    );
    expect(problem).toMatchObject({
      key: 'wsgi.python',
      message: expect.stringContaining('does not run: no encodings'),
    });
  });

  it.runIf(process.getuid?.() === 0)('asks for the rights of the user of the pool', async () => {
    writeProgram('site', '#!/bin/sh\n');
    mkdirSync(join(folder, 'closed'), { mode: 0o700 });
    writeProgram('closed/site', '#!/bin/sh\n');
    chmodSync(join(folder, 'site'), 0o711);
    const problems = await problemsOf(`
[pools.unreadable]
command = ["./site"]
user = "nobody"
listen = "./1.sock"
[pools.closed]
command = ["./site"]
directory = "closed"
user = "nobody"
listen = "./2.sock"
`);
    expect(problems.map(({ pool, key, message }) => `${pool} ${key}: ${message}`)).toEqual([
      `unreadable command: the user "nobody" may not read the script ${folder}/site`,
      `closed directory: the user "nobody" may not enter the directory ${folder}/closed`,
    ]);
  });

  it('tells every problem of a configuration that no daemon could use', async () => {
    expect(await problemsOf('colour = "red"\n[pools.a]\n')).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/runfcgid\.toml:3:1: daemon\.colour: is not a setting/),
      }),
      expect.objectContaining({ message: expect.stringContaining('pools.a: expected exactly one of') }),
      expect.objectContaining({ message: expect.stringContaining('pools.a.listen: is required') }),
    ]);
  });
});
