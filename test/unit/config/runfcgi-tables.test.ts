import { describe, expect, it } from 'vitest';
import { type Runner, type SiteContext, siteName, siteTables } from '../../../src/config/runfcgi-tables.ts';
import { readRunfcgiWords } from '../../../src/config/runfcgi-words.ts';

const engine: Runner = { kind: 'engine', python: 'python3', settings: 'mysite.settings' };
const context: SiteContext = {
  directory: '/home/ann/mysite',
  environment: {},
  runtimeDir: '/run/site/7',
  logFile: '/run/site/runfcgid.log',
  name: 'mysite',
};

function tables(words: string, runner = engine, more: Partial<SiteContext> = {}) {
  const { daemon, pools } = siteTables(readRunfcgiWords(words.split(' ')), runner, {
    ...context,
    ...more,
  }) as {
    daemon: Record<string, unknown>;
    pools: Record<string, Record<string, unknown>>;
  };
  return { daemon, pool: pools['mysite'] ?? {} };
}

describe('the tables of a site', () => {
  it('hold what the words say, and the defaults of Django', () => {
    expect(tables('socket=../mysite.sock pidfile=django.pid')).toEqual({
      daemon: {
        runtime_dir: '/run/site/7',
        pidfile: '/home/ann/mysite/django.pid',
        log_file: '/run/site/runfcgid.log',
        log_format: 'pretty',
      },
      pool: {
        django: { settings: 'mysite.settings', project: '/home/ann/mysite', python: 'python3' },
        directory: '/home/ann/mysite',
        listen: 'unix:/home/ann/mysite.sock',
        workers: 5,
        pass_environment: [],
      },
    });
  });

  it.each([
    ['host=127.0.0.1 port=3033', '127.0.0.1:3033'],
    ['host=::1 port=3033', '[::1]:3033'],
    ['host=localhost port=3033', 'localhost:3033'],
    ['method=prefork', 'fd:0'],
  ])('listen with %s on %s', (words, listen) => {
    expect(tables(words).pool['listen']).toBe(listen);
  });

  it.each([
    ['socket=a', 5, undefined],
    ['socket=a maxspare=3', 3, undefined],
    ['socket=a maxspare=3 maxchildren=2', 2, undefined],
    ['socket=a maxchildren=20', 5, undefined],
    ['socket=a maxspare=3 workers=9', 9, undefined],
    ['socket=a method=threaded', 1, 50],
    ['socket=a method=threaded maxchildren=10 maxspare=3', 1, 10],
    ['socket=a method=threaded maxchildren=500', 1, 64],
    ['socket=a method=threaded threads=100 workers=2', 2, 100],
  ])('turn %s into %d workers with %s threads', (words, workers, threads) => {
    const { pool } = tables(words);
    expect([pool['workers'], (pool['django'] as Record<string, unknown>)['threads']]).toEqual([
      workers,
      threads,
    ]);
  });

  it.each([
    ['socket=a', undefined, undefined],
    ['socket=a umask=000', '000', '0777'],
    ['socket=a umask=007', '007', '0770'],
    ['socket=a umask=0o077', '0o077', '0700'],
    ['socket=a umask=022 listen_mode=0666', '022', '0666'],
  ])('read the umask of %s as octal, for the workers and for the socket', (words, umask, mode) => {
    const { pool } = tables(words);
    expect([pool['umask'], pool['listen_mode']]).toEqual([umask, mode]);
  });

  it('hand maxrequests and debug to the engine', () => {
    expect(tables('socket=a maxrequests=7 debug=true').pool['django']).toMatchObject({
      max_requests: 7,
      debug: true,
    });
  });

  it('log to errlog wherever the daemon runs, and to the terminal in the foreground', () => {
    expect(tables('socket=a errlog=log/e.log').daemon['log_file']).toBe('/home/ann/mysite/log/e.log');
    expect(tables('socket=a daemonize=false').daemon['log_file']).toBeUndefined();
  });

  it('take relative paths from where the command was given, not from workdir', () => {
    const { pool } = tables('socket=a.sock workdir=/tmp touch_reload=x.fcgi,../y', {
      ...engine,
      python: 'env/bin/python',
    });
    expect(pool).toMatchObject({
      directory: '/tmp',
      listen: 'unix:/home/ann/mysite/a.sock',
      touch_reload: ['/home/ann/mysite/x.fcgi', '/home/ann/y'],
      django: { project: '/home/ann/mysite', python: '/home/ann/mysite/env/bin/python' },
    });
  });

  it('give the workers the environment of the command, but not what is meant for the daemon or the shell', () => {
    const environment = {
      PATH: '/bin',
      HOME: '/home/ann',
      DATABASE_URL: 'x',
      PWD: '/a',
      SHLVL: '1',
      LISTEN_FDS: '1',
      NOTIFY_SOCKET: '/n',
      FCGI_WEB_SERVER_ADDRS: '1.1.1.1',
      RUNFCGID_CONFIG: '/c',
    };
    expect(tables('socket=a', engine, { environment }).pool['pass_environment']).toEqual([
      'PATH',
      'HOME',
      'DATABASE_URL',
    ]);
    expect(tables('socket=a user=www-data', engine, { environment }).pool['pass_environment']).toEqual([
      'PATH',
      'DATABASE_URL',
    ]);
  });

  it('make the entries of PYTHONPATH absolute', () => {
    const environment = { PYTHONPATH: '../python:..:/opt/lib' };
    expect(tables('socket=a pythonpath=lib', engine, { environment }).pool['environment']).toEqual({
      PYTHONPATH: '/home/ann/mysite/lib:/home/ann/python:/home/ann:/opt/lib',
    });
  });

  it("run the project's own command where Django still has one", () => {
    const runner: Runner = { kind: 'own-command', python: 'python2.7', settings: undefined };
    expect(
      tables('socket=a method=prefork maxspare=3 minspare=1 maxrequests=100 workdir=/tmp', runner).pool,
    ).toMatchObject({
      command: [
        'python2.7',
        'manage.py',
        'runfcgi',
        'method=prefork',
        'daemonize=false',
        'maxrequests=100',
        'maxspare=3',
        'minspare=1',
      ],
      preset: 'django-legacy',
      directory: '/home/ann/mysite',
    });
  });
});

describe('the name of a site', () => {
  it.each([
    ['/home/ann/mysite', { socket: '/home/ann/mysite.sock' }, 'mysite'],
    ['/home/ann/mysite', { socket: '/tmp/django.sock' }, 'mysite-django'],
    ['/home/ann/mysite', { port: 3033 }, 'mysite-3033'],
    ['/home/ann/mysite', {}, 'mysite'],
    ['/home/ann/mysite', { name: 'shop', port: 3033 }, 'shop'],
    ['/home/ann/my site', { port: 1 }, 'my-site-1'],
    ['/home/ann/.hidden', {}, 'hidden'],
    ['/', {}, 'site'],
  ])('in %s with %j is %s', (directory, words, name) => {
    expect(siteName({ name: undefined, socket: undefined, port: undefined, ...words }, directory)).toBe(name);
  });
});
