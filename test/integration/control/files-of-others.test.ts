import { execFileSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fcgictl, runfcgid, TestDaemon, writeConfig } from '../../helpers/daemon.ts';
import { RunfcgiSite } from '../../helpers/runfcgi-site.ts';
import { until } from '../../helpers/until.ts';
import { Workspace } from '../../helpers/workspace.ts';
import { requireRoot } from '../sockets/support.ts';

/** The user "nobody" of most systems, whom the site belongs to. */
const nobody = 65_534;

let workspace: Workspace;
/** Belongs to the user of the site. */
let home: string;
/** Of root, and nobody else's business. */
let secret: string;

beforeEach(() => {
  requireRoot();
  workspace = new Workspace();
  home = workspace.file('home');
  mkdirSync(home);
  chownSync(home, nobody, nobody);
  secret = workspace.file('secret');
  writeFileSync(secret, 'PASSWORD=precious\n', { mode: 0o600 });
  workspace.write(
    'worker.pl',
    'use FCGI; my $r = FCGI::Request(); while ($r->Accept() >= 0) { print "Status: 204\\r\\n\\r\\n" }',
  );
});

afterEach(() => workspace.close());

function asNobody(...command: readonly string[]): void {
  execFileSync('setpriv', [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...command]);
}

/** The user of the site puts a FIFO there; at the end of the test nobody is left waiting for its writer. */
function putFifo(path: string): void {
  rmSync(path, { force: true });
  asNobody('mkfifo', path);
  workspace.onClose(() => {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return;
    closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
  });
}

function putLink(path: string, target = secret): void {
  rmSync(path, { force: true });
  asNobody('ln', '-s', target, path);
}

function pool(name: string, more: string): string {
  return `[pools.${name}]
command = ["/usr/bin/perl", "worker.pl"]
directory = "${workspace.path}"
listen = "${workspace.file(`${name}.sock`)}"
user = "nobody"
${more}
`;
}

function environmentOf(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/environ`, 'utf8');
}

describe('the environment file of a site that its user can replace', () => {
  let file: string;
  let config: string;

  beforeEach(() => {
    file = join(home, 'env');
    writeFileSync(file, 'GREETING=hello\n');
    chownSync(file, nobody, nobody);
    config = writeConfig(workspace, pool('site', `environment_file = "${file}"`) + pool('other', ''));
  });

  test('does not hold the daemon up as a FIFO: every other pool is reloaded, and the site goes on', async () => {
    const daemon = await TestDaemon.start(workspace, config);
    const before = await daemon.workerPids('site');
    expect(environmentOf(before[0])).toContain('GREETING=hello');
    putFifo(file);
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('[pools.other]', '[pools.other]\nenvironment = { NEW = "yes" }'));
    const refused = await daemon.fcgictl('reload', '--config');
    expect(refused.status).toBe(78);
    expect(refused.stdout).toContain('other: ');
    expect(refused.stderr).toContain(
      `pools.site.environment_file: ${file} cannot be read: expected a regular file, found a FIFO of user ${nobody}. Put a regular file in its place`,
    );
    expect(environmentOf((await daemon.workerPids('other'))[0])).toContain('NEW=yes');
    expect(await daemon.workerPids('site')).toEqual(before);
  });

  test('does not give the site what only root may read, and check says so beforehand', async () => {
    putLink(file);
    const words = `${file} cannot be read: expected a symbolic link of another user to lead to what is his own, found ${file} of user ${nobody}, which leads to a regular file of user 0. `;
    const checked = await fcgictl(workspace, config, '--json', 'check');
    expect(checked.status).toBe(78);
    expect(JSON.parse(checked.stdout).findings).toContainEqual(
      expect.objectContaining({
        severity: 'problem',
        pool: 'site',
        key: 'environment_file',
        message: expect.stringContaining(words),
        file: config,
        line: 9,
      }),
    );
    const daemon = await TestDaemon.start(workspace, config);
    const refused = await daemon.logged('pool.refused');
    expect(refused).toMatchObject({ pool: 'site', problems: [expect.stringContaining(words)] });
    expect((await daemon.pool('other')).state).toBe('running');
    for (const { pid } of workspace.processes()) expect(environmentOf(pid)).not.toContain('precious');
  });

  test('is read where it is for root alone, by a link of root too', async () => {
    writeConfig(workspace, pool('site', `environment_file = ["${secret}", "link-of-root"]`));
    writeFileSync(workspace.file('second'), 'SECOND=2\n', { mode: 0o600 });
    execFileSync('ln', ['-s', workspace.file('second'), workspace.file('link-of-root')]);
    const daemon = await TestDaemon.start(workspace, config);
    const [pid] = await daemon.workerPids('site');
    expect(environmentOf(pid)).toMatch(/PASSWORD=precious\0(?:.*\0)?SECOND=2\0/);
  });
});

describe('the log of a daemon in a directory that another user can write', () => {
  test.each([
    ['a link of his', () => putLink(join(home, 'site.log')), 'which leads to a regular file of user 0'],
    ['a FIFO of his', () => putFifo(join(home, 'site.log')), `found a FIFO of user ${nobody}`],
  ])('is not %s: the daemon does not start, and check says why', async (_case, put, found) => {
    put();
    const config = writeConfig(workspace, pool('site', ''), `log_file = "${home}/site.log"`);
    const started = await runfcgid(workspace, '--config', config);
    expect(started.status).toBe(73);
    expect(started.stderr).toContain(`the log file ${home}/site.log cannot be opened\n  expected `);
    expect(started.stderr).toContain(found);
    expect(started.stderr).toContain('"log_file" in [daemon]');
    const checked = await fcgictl(workspace, config, 'check');
    expect([checked.status, checked.stdout + checked.stderr]).toEqual([78, expect.stringContaining(found)]);
    expect(readFileSync(secret, 'utf8')).toBe('PASSWORD=precious\n');
  });

  test('may be a FIFO of root that nobody reads yet', async () => {
    const log = join(home, 'site.log');
    execFileSync('mkfifo', [log]);
    const config = writeConfig(workspace, pool('site', ''), `log_file = "${log}"`);
    const started = await runfcgid(workspace, '--config', config, '--daemonize');
    workspace.onClose(() => fcgictl(workspace, config, 'stop'));
    expect(started).toMatchObject({ status: 0, stderr: '' });
    const reader = openSync(log, constants.O_RDONLY | constants.O_NONBLOCK);
    const read = Buffer.alloc(65_536);
    const length = readSync(reader, read);
    expect(read.toString('utf8', 0, length)).toContain('"event":"daemon.started"');
    closeSync(reader);
  });
});

describe('the outlog of a site in a directory that its user can write', () => {
  let site: RunfcgiSite;
  let outlog: string;

  beforeEach(() => {
    site = new RunfcgiSite(workspace);
    outlog = join(home, 'out.log');
  });

  test.each([
    ['a link to a file of root', () => putLink(outlog), 'which leads to a regular file of user 0'],
    ['a link to where root would make one', () => putLink(outlog, workspace.file('new')), 'leads to nothing'],
    ['a FIFO', () => putFifo(outlog), `found a FIFO of user ${nobody}`],
  ])('is not %s', async (_case, put, found) => {
    put();
    const started = await site.start(
      `outlog=${outlog}`,
      `socket=${workspace.file('site.sock')}`,
      'user=nobody',
    );
    expect([started.status, started.stdout]).toEqual([73, '']);
    expect(started.stderr).toContain(`the log file ${outlog} cannot be opened`);
    expect(started.stderr).toContain(found);
    expect(started.stderr).toContain('the word outlog');
    expect(readFileSync(secret, 'utf8')).toBe('PASSWORD=precious\n');
    expect(lstatSync(workspace.file('new'), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('stays the file it was when he puts a link in its place and the logs are opened again', async () => {
    const socket = workspace.file('site.sock');
    expect((await site.start(`outlog=${outlog}`, `socket=${socket}`, 'user=nobody')).status).toBe(0);
    putLink(outlog);
    for (const pid of site.daemons()) process.kill(pid, 'SIGUSR1');
    await until(() => site.log.includes('the output file stays as it was'));
    expect(site.log).toContain(`found ${outlog} of user ${nobody}, which leads to a regular file of user 0`);
    expect(readFileSync(secret, 'utf8')).toBe('PASSWORD=precious\n');
  });
});
