import { describe, expect, it } from 'vitest';
import { ann, onlyPool } from '../../helpers/surroundings.ts';

const base = '[pools.a]\nlisten = "/run/a.sock"\ndirectory = "/srv/a"\n';
const django = `${base}django = { settings = "mysite.settings" }\n`;

const executable = (...paths: string[]) => ({ isExecutable: (path: string) => paths.includes(path) });

describe('the command of the engine', () => {
  it('is told when to end a worker, and to show tracebacks', async () => {
    const toml = `${base}django = { settings = "s", max_requests = 500, debug = true }\n`;
    expect((await onlyPool(toml)).worker.argv.slice(-2)).toEqual(['maxrequests=500', 'debug=true']);
  });

  it('is told how much memory a worker may have', async () => {
    const toml = `${django}max_memory = "200M"\nmemory_measure = "pss"\n`;
    const { worker, lifecycle } = await onlyPool(toml);
    expect(worker.argv.slice(-2)).toEqual(['max_memory=209715200', 'memory_measure=pss']);
    expect(lifecycle.memory).toEqual({ maxBytes: 209_715_200, measure: 'pss' });
  });

  it('serves a Django project', async () => {
    expect((await onlyPool(django)).worker.argv).toEqual([
      'python3',
      '-m',
      'runfcgi',
      'project=/srv/a',
      'settings=mysite.settings',
      'method=prefork',
    ]);
  });

  it('serves a Django project in another directory with threads', async () => {
    const toml = `${base}django = { settings = "s", project = "src", method = "threaded", threads = 3 }\n`;
    expect((await onlyPool(toml)).worker.argv).toEqual([
      'python3',
      '-m',
      'runfcgi',
      'project=/srv/a/src',
      'settings=s',
      'method=threaded',
      'threads=3',
    ]);
  });

  it('serves a WSGI application', async () => {
    const toml = `${base}wsgi = { application = "api:application", method = "threaded" }\n`;
    expect((await onlyPool(toml)).worker.argv).toEqual([
      'python3',
      '-m',
      'runfcgi',
      'application=api:application',
      'directory=/srv/a',
      'method=threaded',
      'threads=8',
    ]);
  });

  it('is told of as one that shows what it does, and has the engine on the path of Python before what the site has there', async () => {
    const { worker } = await onlyPool(
      `${django}environment = { PYTHONPATH = "/srv/lib", PYTHONUNBUFFERED = "" }\n`,
    );
    expect(worker.engine).toEqual({ threads: 1, isPreloaded: true });
    expect(worker.environment).toMatchObject({
      PYTHONPATH: '/opt/runfcgid/python:/srv/lib',
      PYTHONUNBUFFERED: '',
    });
    expect((await onlyPool(django)).worker.environment).toMatchObject({
      PYTHONPATH: '/opt/runfcgid/python',
      PYTHONUNBUFFERED: '1',
    });
  });
});

describe('the interpreter', () => {
  it.each([
    ['python3.11', 'python3.11'],
    ['/opt/venv/bin/python', '/opt/venv/bin/python'],
    ['env/bin/python', '/srv/a/env/bin/python'],
  ])('%s is %s', async (written, expected) => {
    const toml = `${base}django = { settings = "s", python = "${written}" }\n`;
    expect((await onlyPool(toml, executable('/srv/a/.venv/bin/python'))).worker.argv[0]).toBe(expected);
  });

  it.each([
    [['/srv/a/.venv/bin/python', '/srv/a/venv/bin/python'], '/srv/a/.venv/bin/python'],
    [['/srv/a/venv/bin/python', '/srv/a/env/bin/python'], '/srv/a/venv/bin/python'],
    [['/srv/a/env/bin/python', '/active/bin/python'], '/srv/a/env/bin/python'],
    [['/active/bin/python'], '/active/bin/python'],
    [[], 'python3'],
  ])('with %j there is %s for a developer', async (present, expected) => {
    const changes = { ...ann, ...executable(...present), environment: { VIRTUAL_ENV: '/active' } };
    expect((await onlyPool(django, changes)).worker.argv[0]).toBe(expected);
  });

  it('of the system daemon does not depend on a shell', async () => {
    const changes = { ...executable('/active/bin/python'), environment: { VIRTUAL_ENV: '/active' } };
    expect((await onlyPool(django, changes)).worker.argv[0]).toBe('python3');
  });
});
