import { describe, expect, it } from 'vitest';
import { loadText, mainFile, problemsOf } from '../../helpers/surroundings.ts';

const sound = 'command = ["/bin/x"]\nlisten = "/run/x.sock"\nuser = "www-data"\n';

async function rejection(toml: string, otherFiles: Readonly<Record<string, string | Error>> = {}) {
  return await loadText(toml, {}, otherFiles).then(
    () => expect.unreachable('the configuration was taken'),
    (error: unknown) => error,
  );
}

describe('problems of a pool', () => {
  it('are told all at once, in order, with file, line, column, key, what was expected and what was found', async () => {
    const problems = await problemsOf(`
[pools.bad]
comand = ["x"]
listen = ["127.0.0.1:99999", "nonsense"]
listen_mode = 660
user = "nobody-here"
graceful_timeout = "5 minutes"
environment = { DEBUG = 1, "A B" = "x" }
workers = 0
`);
    expect(problems).toMatchInlineSnapshot(`
      [
        "/etc/runfcgid/runfcgid.toml:2:1: pools.bad: expected exactly one of "command", "django" and "wsgi", found none",
        "/etc/runfcgid/runfcgid.toml:3:1: pools.bad.comand: is not a setting; did you mean "command"?",
        "/etc/runfcgid/runfcgid.toml:4:11: pools.bad.listen[0]: expected a port from 1 to 65535, found "127.0.0.1:99999"",
        "/etc/runfcgid/runfcgid.toml:4:30: pools.bad.listen[1]: expected unix:/path, HOST:PORT or [IPV6]:PORT, with an IP address as the host, found "nonsense"",
        "/etc/runfcgid/runfcgid.toml:5:1: pools.bad.listen_mode: expected permission bits as a text such as "0660" (a bare 660 would be read as decimal), found 660",
        "/etc/runfcgid/runfcgid.toml:6:1: pools.bad.user: there is no user "nobody-here" on this machine",
        "/etc/runfcgid/runfcgid.toml:7:1: pools.bad.graceful_timeout: expected a duration such as "500ms", "30s", "5m" or "2h", found "5 minutes"",
        "/etc/runfcgid/runfcgid.toml:8:17: pools.bad.environment.DEBUG: expected a text in quotes, so that the program gets exactly what is written, found 1",
        "/etc/runfcgid/runfcgid.toml:8:28: pools.bad.environment."A B": expected the name of an environment variable, found "A B"",
        "/etc/runfcgid/runfcgid.toml:9:1: pools.bad.workers: expected a whole number from 1 to 1024, found 0",
      ]
    `);
  });

  it.each([
    [
      'django = { settings = "mysite/settings.py" }',
      'django.settings: expected the dotted name of a Python module',
    ],
    ['django = {}', 'django.settings: is required, and missing'],
    ['django = "mysite"', 'django: expected a table such as { settings = … }, found "mysite"'],
    ['django = { settings = "s", treads = 2 }', 'django.treads: is not a setting; did you mean "threads"?'],
    [
      'django = { settings = "s", threads = 2 }',
      'django.threads: has a meaning only with method = "threaded"',
    ],
    [
      'django = { settings = "s", method = "fork" }',
      'django.method: expected one of "prefork", "threaded", found "fork"',
    ],
    [
      'wsgi = { application = "api" }',
      'wsgi.application: expected "module:name" such as "mysite.wsgi:application", found "api"',
    ],
    ['command = "/bin/x -f"', 'command: expected a list: the program, then each argument'],
    ['command = []', 'command: expected at least the name of the program'],
    ['command = ["x", 1]', 'command[1]: expected a text for each word, found 1'],
    [
      'command = ["x"]\nwsgi = { application = "a:b" }',
      'expected exactly one of "command", "django" and "wsgi", found command and wsgi',
    ],
    [
      'command = ["x"]\nfirst.second = 1',
      'first: is not a setting; the name of a pool with a dot needs quotes: [pools."a.first"]',
    ],
    [
      'command = ["x"]\nstop_signal = "STOP"',
      'stop_signal: expected a signal that ends a program, found "STOP"',
    ],
    ['command = ["x"]\nbacklog = 1.5', 'backlog: expected a whole number from 1 to 65535, found 1.5'],
    ['command = ["x"]\nwatch_interval = "1s"', 'watch_interval: has a meaning only with "watch"'],
    ['command = ["x"]\nswitch = "slow"', 'switch: expected one of "generation", "rolling", found "slow"'],
    ['command = ["x"]\nautostart = "yes"', 'autostart: expected true or false, found "yes"'],
    [
      'command = ["x"]\ndirectory = "~/site"',
      'directory: expected a whole path ("~" is not expanded here), found "~/site"',
    ],
    [
      'command = ["x"]\nexpected_exits = [0, 256]',
      'expected_exits[1]: expected exit statuses from 0 to 255, found 256',
    ],
    [
      'command = ["x"]\nenvironment = { RUNFCGID_CHANNEL = "3" }',
      'expected a name that does not begin with RUNFCGID_',
    ],
    [
      'command = ["x"]\nmax_memory = "lots"',
      'max_memory: expected a size such as "512K", "200M" or "1G", found "lots"',
    ],
    [
      'command = ["x"]\nmax_memory = 200',
      'max_memory: expected a size of at least 1M (a bare number is bytes), found 200',
    ],
    [
      'django = { settings = "s" }\nmax_requests = 5',
      'pools.a.max_requests: is not a setting here, but of a table: django = { max_requests = … }, or wsgi = { max_requests = … }',
    ],
    [
      'django = { settings = "s", max_memory = "200M" }',
      'pools.a.django.max_memory: is not a setting here, but of [pools.a], beside "django"',
    ],
    ['command = ["x"]\nmemory_measure = "uss"', 'memory_measure: expected one of "rss", "pss", found "uss"'],
    ['command = ["x"]\nboot_timeout = 0', 'boot_timeout: expected a duration of at least 1ms, found 0'],
    ['command = ["x"]\ngraceful_timeout = inf', 'graceful_timeout: expected a duration such as'],
    [
      'command = ["x"]\nuser = 1979-05-27',
      'user: expected a name such as "www-data", or a number, found a date',
    ],
    ['command = ["x"]\nbackoff_initial = "1m"', 'backoff_initial: is longer than backoff_max'],
  ])('%s', async (line, expected) => {
    const problems = await problemsOf(`[pools.a]\nlisten = "/run/a.sock"\n${line}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it('leave the other pools alone', async () => {
    const { plan } = await loadText(`[pools.bad]\n[pools.good]\n${sound}`);
    expect(plan.pools.map(({ name }) => name)).toEqual(['good']);
    expect(plan.refused).toEqual([
      {
        name: 'bad',
        problems: [
          expect.stringContaining(`${mainFile}:1:1: pools.bad: expected exactly one of`),
          expect.stringContaining(`${mainFile}:1:1: pools.bad.listen: is required, and missing`),
        ],
      },
    ]);
  });

  it('may lie in its name', async () => {
    const problems = await problemsOf(`[pools."my site"]\n${sound}`);
    expect(problems[0]).toContain('pools."my site": expected a name of at most 63 letters');
  });
});

describe('problems of the whole', () => {
  it('refuse the start, and tell those of the pools too', async () => {
    expect(
      await rejection('[daemon]\nlog_levl = "info"\ncontrol_mode = 600\n[pool.a]\n[pools.b]\n'),
    ).toMatchObject({
      code: 'CONFIG_INVALID',
      exitCode: 78,
      message: [
        `${mainFile}:2:1: daemon.log_levl: is not a setting; did you mean "log_level"?`,
        `${mainFile}:3:1: daemon.control_mode: expected permission bits as a text such as "0660" (a bare 660 would be read as decimal), found 600`,
        `${mainFile}:4:1: pool: is not known here; a pool is written [pools.NAME]`,
        `${mainFile}:5:1: pools.b: expected exactly one of "command", "django" and "wsgi", found none`,
        `${mainFile}:5:1: pools.b.listen: is required, and missing`,
      ].join('\n'),
    });
  });

  it.each([
    ['workers = 2', 'workers: is not known here; it belongs into a table [pools.NAME]'],
    ['log_level = "info"', 'log_level: is not known here; it belongs into the table [daemon]'],
    ['pools = 1', 'pools: expected tables such as [pools.mysite], found 1'],
    ['daemon = []', 'daemon: expected a table, found an empty list'],
    ['demon = {}', 'demon: is not known here; did you mean "daemon"?'],
    ['[daemon]\ninclude = ["gone.toml"]', 'daemon.include: there is no file /etc/runfcgid/gone.toml'],
    ['[daemon]\ninclude = [1]', 'daemon.include[0]: expected a path, found 1'],
    [
      `[daemon]\nruntime_dir = "/run/${'x'.repeat(95)}"`,
      'daemon.runtime_dir: a socket path has at most 107 bytes',
    ],
  ])('%s', async (toml, expected) => {
    const error = await rejection(toml);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(expected) });
    expect(String(error).split('\n')).toHaveLength(1);
  });

  it('are told with line and column when the file is not TOML', async () => {
    expect(await rejection('[daemon]\nlog_level = info\n')).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      exitCode: 78,
      message: expect.stringMatching(/^\/etc\/runfcgid\/runfcgid\.toml:2:\d+: is not TOML: .+$/),
    });
  });
});

describe('an included file', () => {
  const main = `[pools.good]\n${sound}`;

  it('brings pools whose paths are relative to itself', async () => {
    const { plan } = await loadText(
      main,
      {},
      {
        '/etc/runfcgid/pools.d/two.toml': '[pools.two]\ncommand = ["./two"]\nlisten = "two.sock"\n',
        '/etc/runfcgid/pools.d/not-this.conf': 'nonsense',
      },
    );
    expect(plan.pools.map(({ name }) => name)).toEqual(['good']);
    expect(plan.refused[0]?.problems[0]).toContain('found "two.sock"');
  });

  it('that is not TOML refuses only the pool that is named like it', async () => {
    const { plan } = await loadText(main, {}, { '/etc/runfcgid/pools.d/shop.toml': '[pools.shop\n' });
    expect(plan.pools.map(({ name }) => name)).toEqual(['good']);
    expect(plan.refused).toEqual([
      {
        name: 'shop',
        problems: [expect.stringMatching(/^\/etc\/runfcgid\/pools\.d\/shop\.toml:1:\d+: is not TOML: /)],
      },
    ]);
    expect(plan.daemon.configFiles).toEqual([mainFile, '/etc/runfcgid/pools.d/shop.toml']);
  });

  it('that cannot be read refuses only the pool that is named like it', async () => {
    const { plan } = await loadText(
      main,
      {},
      { '/etc/runfcgid/pools.d/shop.toml': new Error('EACCES: permission denied') },
    );
    expect(plan.refused).toEqual([
      {
        name: 'shop',
        problems: ['/etc/runfcgid/pools.d/shop.toml: cannot be read: EACCES: permission denied'],
      },
    ]);
  });

  it('with the name of a pool that is fine does not take that name', async () => {
    const { plan } = await loadText(main, {}, { '/etc/runfcgid/pools.d/good.toml': '[' });
    expect(plan.pools.map(({ name }) => name)).toEqual(['good']);
    expect(plan.refused.map(({ name }) => name)).toEqual(['good.toml']);
  });

  it('cannot configure the daemon', async () => {
    const { plan } = await loadText(
      main,
      {},
      {
        '/etc/runfcgid/pools.d/shop.toml': `[daemon]\nlog_level = "debug"\n[pools.shop]\n${sound.replace('x.sock', 'shop.sock')}`,
        '/etc/runfcgid/pools.d/only.toml': '[daemon]\n',
      },
    );
    expect(plan.daemon.log.level).toBe('info');
    expect(plan.refused).toEqual([
      {
        name: 'shop',
        problems: [
          '/etc/runfcgid/pools.d/shop.toml:1:1: daemon: belongs in the main file, not in an included one',
        ],
      },
      {
        name: 'only',
        problems: [
          '/etc/runfcgid/pools.d/only.toml:1:1: daemon: belongs in the main file, not in an included one',
        ],
      },
    ]);
  });

  it('with a pool that exists already refuses that pool, naming both places', async () => {
    const { plan } = await loadText(main, {}, { '/etc/runfcgid/pools.d/a.toml': `\n[pools.good]\n${sound}` });
    expect(plan.pools).toEqual([]);
    expect(plan.refused).toEqual([
      {
        name: 'good',
        problems: [
          '/etc/runfcgid/pools.d/a.toml:2:1: pools.good: the pool "good" is configured twice (see also /etc/runfcgid/runfcgid.toml:1:1: pools.good). Rename or remove one of them.',
        ],
      },
    ]);
  });

  it('is found where include says', async () => {
    const { plan } = await loadText(
      `[daemon]\ninclude = "/srv/*/fcgi.toml"\n`,
      {},
      {
        '/srv/a/fcgi.toml': `[pools.a]\n${sound}`,
        '/etc/runfcgid/pools.d/b.toml': `[pools.b]\n${sound}`,
      },
    );
    expect(plan.pools.map(({ name, worker }) => [name, worker.directory])).toEqual([['a', '/srv/a']]);
  });
});
