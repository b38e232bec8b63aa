import { describe, expect, it } from 'vitest';
import { ann, loadText, onlyPool, problemsOf } from '../../helpers/surroundings.ts';

const base = '[pools.a]\nlisten = "/run/a.sock"\nuser = "www-data"\n';
const command = `${base}command = ["/bin/x"]\n`;

describe('a pool', () => {
  it('has every default filled in', async () => {
    expect(await onlyPool(command)).toEqual({
      name: 'a',
      preset: 'generic',
      isAutostarted: true,
      listen: [
        {
          address: { kind: 'unix', path: '/run/a.sock' },
          backlog: 1024,
          mode: 0o660,
          uid: undefined,
          gid: undefined,
          runtimeDir: '/run/runfcgid',
          isBlocking: true,
        },
      ],
      workers: 1,
      worker: {
        argv: ['/bin/x'],
        directory: '/etc/runfcgid',
        environment: {
          PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          LANG: 'C.UTF-8',
          HOME: '/var/www',
          USER: 'www-data',
          LOGNAME: 'www-data',
          SHELL: '/usr/sbin/nologin',
        },
        identity: { uid: 33, gid: 33, user: 'www-data' },
        umask: 0o022,
        engine: undefined,
      },
      lifecycle: {
        bootTimeoutMs: 30_000,
        stopSignal: 'SIGTERM',
        drainTimeoutMs: 60_000,
        gracefulTimeoutMs: 30_000,
        orphans: 'signal',
        retirement: 'freeze',
        backoffInitialMs: 200,
        backoffMaxMs: 30_000,
        maxRestarts: 5,
        restartWindowMs: 60_000,
        expectedExits: [],
      },
      reload: { mode: 'switch', surge: 1, touchFiles: [], watch: undefined },
      proof: { level: 'accept' },
      requests: { slowMs: undefined, slowLog: undefined, timeoutMs: undefined },
    });
  });

  it('has everything that is set', async () => {
    const pool = await onlyPool(`[pools.a]
command = ["./x", "-v"]
preset = "php-cgi"
directory = "../../srv/a"
listen = ["unix:sock/a.sock", "127.0.0.1:9000", "[::1]:9000"]
listen_mode = "0600"
listen_owner = "ann"
listen_group = 33
backlog = 7
workers = 3
user = 1000
group = "staff"
umask = "027"
autostart = false
boot_timeout = 2.5
stop_signal = "quit"
drain_timeout = "2m"
graceful_timeout = "0s"
max_age = "12h"
max_memory = "1.5G"
memory_measure = "pss"
max_restarts = 0
restart_window = "1h"
backoff_initial = "1s"
backoff_max = "1s"
expected_exits = [3]
switch = "rolling"
surge = 2
touch_reload = ["a.fcgi", "/srv/b"]
watch = "**/*.py"
watch_interval = "1s"
`);
    expect(pool).toMatchObject({
      preset: 'php-cgi',
      isAutostarted: false,
      listen: [
        {
          address: { kind: 'unix', path: '/etc/runfcgid/sock/a.sock' },
          backlog: 7,
          mode: 0o600,
          uid: 1000,
          gid: 33,
        },
        { address: { kind: 'tcp', host: '127.0.0.1', port: 9000, family: 4 } },
        { address: { kind: 'tcp', host: '::1', port: 9000, family: 6 } },
      ],
      workers: 3,
      worker: {
        argv: ['/srv/a/x', '-v'],
        directory: '/srv/a',
        identity: { uid: 1000, gid: 50, user: 'ann' },
        umask: 0o027,
        environment: { HOME: '/home/ann', USER: 'ann', PHP_FCGI_CHILDREN: '0' },
      },
      lifecycle: {
        bootTimeoutMs: 2500,
        stopSignal: 'SIGQUIT',
        drainTimeoutMs: 120_000,
        gracefulTimeoutMs: 0,
        maxAgeMs: 43_200_000,
        memory: { maxBytes: 1_610_612_736, measure: 'pss' },
        maxRestarts: 0,
        restartWindowMs: 3_600_000,
        backoffInitialMs: 1000,
        backoffMaxMs: 1000,
        expectedExits: [3],
      },
      reload: {
        mode: 'rolling',
        surge: 2,
        touchFiles: ['/srv/a/a.fcgi', '/srv/b'],
        watch: { directory: '/srv/a', patterns: ['**/*.py'], pollMs: 1000 },
      },
    });
  });

  it('cannot be changed afterwards', async () => {
    const { plan } = await loadText(command);
    expect(Object.isFrozen(plan)).toBe(true);
    expect(Object.isFrozen(plan.pools[0]?.worker.environment)).toBe(true);
    expect(Object.isFrozen(plan.pools[0]?.listen[0]?.address)).toBe(true);
  });

  it.each([
    ['command = ["/usr/bin/php-cgi8.2"]', 'php-cgi', 4],
    ['command = ["x"]', 'generic', 1],
    ['django = { settings = "s" }', 'django', 4],
    ['wsgi = { application = "a:b" }', 'wsgi', 4],
    ['wsgi = { application = "a:b", method = "threaded" }', 'wsgi', 2],
    ['command = ["./manage.py", "runfcgi", "daemonize=false"]', 'django-legacy', 1],
    ['command = ["x.pl"]', 'perl', 2],
  ])('%s has the preset %s and %i workers', async (program, preset, workers) => {
    const pool = await onlyPool(base + program);
    expect([pool.preset, pool.workers]).toEqual([preset, workers]);
  });

  it('has at least one worker for each address', async () => {
    const listen = 'listen = ["/run/a.sock", "/run/b.sock", "/run/c.sock"]\ncommand = ["x"]\n';
    expect((await onlyPool(`[pools.a]\n${listen}`)).workers).toBe(3);
    expect(await problemsOf(`[pools.a]\n${listen}workers = 2\n`)).toEqual([
      expect.stringContaining(
        'pools.a.workers: expected at least one worker for each of the 3 addresses, found 2',
      ),
    ]);
  });

  it('with an engine cannot be called something else', async () => {
    expect(await problemsOf(`${base}django = { settings = "s" }\npreset = "generic"\n`)).toEqual([
      expect.stringContaining(
        'pools.a.preset: a pool with "django" has the preset "django", found "generic"',
      ),
    ]);
  });

  it('of flup has a non-blocking listener and lets children finish', async () => {
    const pool = await onlyPool(`${base}command = ["python2", "manage.py", "runfcgi"]\n`);
    expect(pool.listen[0]?.isBlocking).toBe(false);
    expect(pool.lifecycle.orphans).toBe('finish');
  });
});

describe('the user of a pool', () => {
  it('is the daemon itself where nothing is set, with a warning for root', async () => {
    const { plan, warnings } = await loadText('[pools.a]\ncommand = ["x"]\nlisten = "/run/a.sock"\n');
    expect(plan.pools[0]?.worker.identity).toBeUndefined();
    expect(plan.pools[0]?.worker.environment).toMatchObject({ HOME: '/root', USER: 'root' });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^\/etc\/runfcgid\/runfcgid\.toml: pools\.a: has no "user": its workers run as root\. /,
      ),
    ]);
  });

  it('is no matter of a pool that is refused', async () => {
    expect((await loadText('[pools.a]\nlisten = "/run/a.sock"\n')).warnings).toEqual([]);
  });

  it('can be named by whoever is that user, and by nobody else', async () => {
    const own = '[pools.a]\ncommand = ["x"]\nlisten = "/run/a.sock"\nuser = "ann"\n';
    expect((await onlyPool(own, ann)).worker.identity).toBeUndefined();
    expect(
      await problemsOf(`${base.replace('www-data', 'root')}command = ["x"]\ngroup = "staff"\n`, ann),
    ).toEqual([
      expect.stringContaining(
        'user: only a daemon that runs as root can start workers as "root". Start runfcgid as root',
      ),
      expect.stringContaining(
        'group: only a daemon that runs as root can start workers in the group "staff"',
      ),
    ]);
  });

  it('can be root with another group', async () => {
    const pool = await onlyPool('[pools.a]\ncommand = ["x"]\nlisten = "/run/a.sock"\ngroup = "staff"\n');
    expect(pool.worker.identity).toEqual({ uid: 0, gid: 50, user: 'root' });
  });

  it('may have no account at all', async () => {
    const pool = await onlyPool('[pools.a]\ncommand = ["x"]\nlisten = "/run/a.sock"\n', {
      uid: 4242,
      gid: 4242,
      home: '/data',
    });
    expect(pool.worker.environment).toMatchObject({ HOME: '/data', USER: '4242', SHELL: '/bin/sh' });
    expect(pool.worker.identity).toBeUndefined();
  });

  it('must exist', async () => {
    expect(
      await problemsOf(`${base}command = ["x"]\ngroup = "gone"\nlisten_owner = 77\nlisten_group = "lost"\n`),
    ).toEqual([
      expect.stringContaining('group: there is no group "gone" on this machine'),
      expect.stringContaining('listen_owner: there is no user 77 on this machine'),
      expect.stringContaining('listen_group: there is no group "lost" on this machine'),
    ]);
  });
});

describe('the environment of a worker', () => {
  it('takes nothing from the daemon but what is passed on, and the nearest setting wins', async () => {
    const { plan } = await loadText(
      `${command}pass_environment = ["TZ", "ONE", "MISSING", "PATH"]
environment_file = ["first.env", "/srv/second.env"]
environment = { FOUR = "four" }
`,
      { environment: { TZ: 'UTC', ONE: 'daemon', TWO: 'daemon', SECRET: 'x', PATH: '/opt/bin' } },
      {
        '/etc/runfcgid/first.env': 'ONE=first\nTWO=first\nTHREE=first\nFOUR=first\n',
        '/srv/second.env': 'THREE=second\n',
      },
    );
    expect(plan.pools[0]?.worker.environment).toEqual({
      PATH: '/opt/bin',
      LANG: 'C.UTF-8',
      HOME: '/var/www',
      USER: 'www-data',
      LOGNAME: 'www-data',
      SHELL: '/usr/sbin/nologin',
      TZ: 'UTC',
      ONE: 'first',
      TWO: 'first',
      THREE: 'second',
      FOUR: 'four',
    });
  });

  it('lets a pool overrule its preset', async () => {
    const pool = await onlyPool(`${base}command = ["php-cgi"]\nenvironment = { PHP_FCGI_CHILDREN = "3" }\n`);
    expect(pool.worker.environment['PHP_FCGI_CHILDREN']).toBe('3');
  });

  it('names the line of a bad environment file, and a file that is not there', async () => {
    const { plan } = await loadText(
      `${command}environment_file = ["a.env", "b.env"]\n`,
      {},
      {
        '/etc/runfcgid/a.env': 'A=1\nnonsense\n',
      },
    );
    expect(plan.refused[0]?.problems).toEqual([
      '/etc/runfcgid/runfcgid.toml:5:1: pools.a.environment_file: /etc/runfcgid/a.env:2: expected NAME=VALUE',
      expect.stringContaining('environment_file: /etc/runfcgid/b.env cannot be read: ENOENT'),
    ]);
  });

  it('warns of what makes FastCGI programs refuse requests', async () => {
    const { warnings } = await loadText(`${command}environment = { FCGI_FORCE_CGI = "Y" }\n`);
    expect(warnings).toEqual([expect.stringContaining('sets FCGI_FORCE_CGI')]);
  });
});

describe('requests that take long', () => {
  const wsgi = `${base}wsgi = { application = "a:b" }\n`;

  it('are looked at as the pool says, and the engine is told what it has to know', async () => {
    const pool = await onlyPool(
      `${wsgi}slow_request = "5s"\nslow_log = "logs/slow.log"\nrequest_timeout = "1500ms"\n`,
    );
    const slowLog = '/etc/runfcgid/logs/slow.log';
    expect(pool.requests).toEqual({ slowMs: 5_000, slowLog, timeoutMs: 1_500 });
    expect(pool.worker.argv).toContain('request_timeout=1.5');
  });

  it('have no limit unless one is set, and none with 0', async () => {
    for (const limits of ['', 'slow_request = "0s"\nrequest_timeout = "0s"\n']) {
      const pool = await onlyPool(wsgi + limits);
      expect(pool.requests).toEqual({ slowMs: undefined, slowLog: undefined, timeoutMs: undefined });
      expect(pool.worker.argv.join(' ')).not.toContain('request_timeout');
    }
  });

  it('cannot be seen of another program', async () => {
    expect(await problemsOf(`${command}slow_request = "5s"\nrequest_timeout = "5s"\n`)).toEqual([
      expect.stringContaining('slow_request: has a meaning only for "django" and "wsgi"'),
      expect.stringContaining('request_timeout: has a meaning only for "django" and "wsgi"'),
    ]);
  });

  it('need a threshold to be logged', async () => {
    expect(await problemsOf(`${wsgi}slow_log = "x.log"\n`)).toEqual([
      expect.stringContaining('slow_log: has a meaning only with "slow_request"'),
    ]);
  });
});
