import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { RunfcgiSite } from '../helpers/runfcgi-site.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;
let site: RunfcgiSite;

beforeEach(() => {
  workspace = new Workspace();
  site = new RunfcgiSite(workspace);
});

afterEach(() => workspace.close());

const socketWord = (): string => `socket=${workspace.file('mysite.sock')}`;
const pidIn = (file: string): number => Number(readFileSync(file, 'utf8'));

async function startBehindNginx(...words: readonly string[]): Promise<string> {
  const { status, stderr } = await site.start(socketWord(), 'pidfile=django.pid', ...words);
  expect([status, stderr]).toEqual([0, '']);
  return (await startNginx(workspace, `unix:${workspace.file('mysite.sock')}`)).url;
}

async function bodyOf(url: string): Promise<string> {
  const { status, body } = await ask(url);
  return `${status} ${body.toString()}`;
}

describe("the book's command", () => {
  test('runs a threaded server on a port, and gives the prompt back', async () => {
    const port = await freePort();
    const { status, stdout, stderr } = await site.start('method=threaded', 'host=127.0.0.1', `port=${port}`);
    expect([status, stdout, stderr]).toEqual([
      0,
      expect.stringMatching(/^runfcgid runs as process \d+\n$/),
      '',
    ]);
    const { url } = await startNginx(workspace, `127.0.0.1:${port}`);
    expect(await bodyOf(`${url}/a?b=c`)).toMatch(/^200 \d+ GET \/a\?b=c\n$/);
    expect(await site.workerPids()).toHaveLength(1);
  });

  test('runs a preforked server on a Unix socket, whose pidfile stops it', async () => {
    const url = await startBehindNginx('method=prefork', 'maxspare=2');
    expect(await bodyOf(url)).toMatch(/^200 /);
    const pidfile = `${site.directory}/django.pid`;
    const { daemon } = await site.status();
    expect(pidIn(pidfile)).toBe(daemon.pid);
    const slow = bodyOf(`${url}/?until=${workspace.file('finish')}`);
    await until(async () =>
      (await site.status()).pools[0]?.workers.some(({ connections }) => connections === 1),
    );
    const killed = site.kill(pidIn(pidfile));
    await until(() => site.log.includes('received SIGTERM'));
    workspace.write('finish', '');
    await killed;
    expect(await slow).toMatch(/^200 /);
    expect([pidfile, workspace.file('mysite.sock')].filter((path) => existsSync(path))).toEqual([]);
    expect(readdirSync(site.state)).toEqual(['runfcgid.log']);
  });

  test('runs in the foreground until Ctrl-C', async () => {
    const daemon = site.startInForeground('method=threaded', socketWord());
    await until(() => daemon.output().includes('1 of 1 pools are running'));
    const { url } = await startNginx(workspace, `unix:${workspace.file('mysite.sock')}`);
    expect(await bodyOf(url)).toMatch(/^200 /);
    process.kill(daemon.pid, 'SIGINT');
    expect(await daemon.ended()).toBe(0);
    expect(daemon.output()).not.toContain('Traceback');
  });

  test('explains itself', async () => {
    const { status, stdout } = await site.start('help');
    expect([status, stdout]).toEqual([0, expect.stringContaining('maxrequests=')]);
  });
});

describe('a site from words', () => {
  test('gets new workers by SIGHUP and by fcgictl', async () => {
    await startBehindNginx('maxspare=2');
    const first = await site.workerPids();
    process.kill(pidIn(`${site.directory}/django.pid`), 'SIGHUP');
    const isNew = (pids: readonly number[], old: readonly number[]): boolean =>
      pids.length === 2 && !pids.some((pid) => old.includes(pid));
    await until(async () => isNew(await site.workerPids(), first));
    const second = await site.workerPids();
    await until(() => site.log.includes('running with 2 workers'));
    expect((await site.fcgictl('restart')).status).toBe(0);
    await until(async () => isNew(await site.workerPids(), second));
  });

  test('refuses to be started twice, and goes on', async () => {
    const url = await startBehindNginx('maxspare=1');
    const { status, stderr } = await site.start(socketWord(), 'pidfile=other.pid');
    const pid = pidIn(`${site.directory}/django.pid`);
    expect([status, stderr]).toEqual([
      73,
      expect.stringContaining(`this site already runs as process ${pid}`),
    ]);
    expect(await bodyOf(url)).toMatch(/^200 /);
    expect(existsSync(`${site.directory}/other.pid`)).toBe(false);
  });

  test('comes back after its daemon was killed', async () => {
    const url = await startBehindNginx('maxspare=1');
    const [worker = 0] = await site.workerPids();
    await site.kill(pidIn(`${site.directory}/django.pid`), 'SIGKILL');
    const { status } = await site.start(socketWord(), 'pidfile=django.pid', 'maxspare=1');
    expect(status).toBe(0);
    expect(await bodyOf(url)).toMatch(/^200 /);
    expect(await site.workerPids()).not.toContain(worker);
    expect(readdirSync(site.state).filter((name) => /^\d+$/.test(name))).toHaveLength(1);
  });

  test('says why it does not start, also when it was to go to the background', async () => {
    workspace.write('project/mysite/urls.py', 'import nothing_of_that_name\n');
    const { status, stderr } = await site.start(socketWord(), 'pidfile=django.pid', 'maxspare=1');
    expect([status, stderr]).toEqual([1, expect.stringContaining("No module named 'nothing_of_that_name'")]);
    expect(stderr).toContain('Traceback');
    expect(workspace.filesLeft()).toEqual([]);
  });

  test('says what it lacks when it has neither an address nor a socket', async () => {
    const { status, stderr } = await site.start('maxspare=1');
    expect([status, stderr]).toEqual([1, expect.stringContaining('Without socket=, or host= and port=')]);
  });

  test('says who has its port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    workspace.onClose(() => server.close());
    const port = await until(() => (server.address() as { port: number } | null)?.port);
    const { status, stderr } = await site.start('host=127.0.0.1', `port=${port}`, 'maxspare=1');
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(`cannot listen on 127.0.0.1:${port}: pid ${process.pid}`),
    ]);
  });

  test.each([
    [['sokcet=x'], 64, 'did you mean "socket"?'],
    [['socket=/nowhere/at/all.sock'], 1, 'there is no directory /nowhere/at'],
    [['socket=x', 'python=/no/python'], 78, 'no Django is found'],
    [['socket=x', 'pidfile=/nowhere/x.pid'], 73, 'the pidfile /nowhere/x.pid cannot be written'],
  ])('refuses %j with status %i', async (words, expected, message) => {
    const { status, stderr } = await site.start(...words);
    expect([status, stderr]).toEqual([expected, expect.stringContaining(message)]);
  });

  test('writes what its workers say to outlog and errlog', async () => {
    const url = await startBehindNginx('maxspare=1', 'outlog=out.log', 'errlog=err.log');
    await ask(`${url}/?say=hello`);
    const read = (name: string): string => {
      const file = `${site.directory}/${name}`;
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    };
    await until(() => read('out.log').includes('hello\n') && read('err.log').includes('hello'));
    expect(read('out.log')).toBe('hello\n');
    expect(read('err.log').match(/hello/g)).toHaveLength(1);
  });

  test('renews a worker after maxrequests', async () => {
    const url = await startBehindNginx('maxspare=1', 'maxrequests=3');
    const pids = new Set<string>();
    // Each serves on until the next is ready.
    await until(async () => {
      pids.add((await bodyOf(url)).split(' ').slice(0, 2).join(' '));
      return pids.size >= 3;
    });
    expect([...pids].every((pid) => pid.startsWith('200 '))).toBe(true);
  });

  test('gives the socket the mode that the umask leaves', async () => {
    await startBehindNginx('maxspare=1', 'umask=000');
    expect(statSync(workspace.file('mysite.sock')).mode & 0o777).toBe(0o777);
  });

  test('runs the own command of an old Django', async () => {
    const python = workspace.write(
      'python2',
      `#!/bin/sh
[ "$1" = -c ] && printf 'python\\t2.7\\ndjango\\t1.4\\nflup\\tyes\\n' && exit
echo "$@" >&2
exec ${repository}/test/fixtures/aborts-in-its-children
`,
    );
    chmodSync(python, 0o755);
    const url = await startBehindNginx(`python=${python}`, 'method=prefork', 'maxspare=4');
    expect(await bodyOf(`${url}/page`)).toMatch(/^200 \d+ GET \/page\n$/);
    // What it says comes to the log by way of the daemon, perhaps after its answer.
    await until(() => site.log.includes('manage.py runfcgi method=prefork daemonize=false maxspare=4'));
  });
});
