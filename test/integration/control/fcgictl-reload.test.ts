import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestDaemon, writeConfig } from '../../helpers/daemon.ts';
import { until } from '../../helpers/until.ts';
import { Workspace } from '../../helpers/workspace.ts';

let workspace: Workspace;
let daemon: TestDaemon;

beforeEach(async () => {
  workspace = new Workspace();
  writeWorker('print "Content-Type: text/plain\\r\\n\\r\\nhello"');
  daemon = await TestDaemon.start(workspace, config(pool('web', 2)));
});

afterEach(() => workspace.close());

function config(pools: string): string {
  return writeConfig(workspace, pools);
}

function pool(name: string, workers: number): string {
  return `[pools.${name}]
command = ["/usr/bin/perl", "worker.pl"]
directory = "${workspace.path}"
listen = "${workspace.file(`${name}.sock`)}"
workers = ${workers}
`;
}

function writeWorker(body: string): void {
  workspace.write('worker.pl', `use FCGI; my $r = FCGI::Request(); while ($r->Accept() >= 0) { ${body} }`);
}

test('reload replaces every worker, and --abort brings back those that still drain', async () => {
  const before = await daemon.workerPids('web');
  // An unfinished request keeps the old workers from ending.
  const client = connect(workspace.file('web.sock'));
  // libfcgi closes a connection that says nothing for two seconds.
  client.write(Buffer.from([1]));
  await until(
    async () => (await daemon.pool('web')).workers.some(({ connections }) => connections === 1),
    30_000,
  );
  expect(await daemon.fcgictl('reload', 'web')).toMatchObject({ status: 0 });
  const pool = await daemon.pool('web');
  expect(pool.generations).toMatchObject([
    { number: 1, phase: 'draining', connections: 1 },
    { number: 2, phase: 'live', ready: 2 },
  ]);
  const shown = await daemon.fcgictl('status', '--workers');
  expect(shown.stdout).toContain('web: generation 1 draining: 1 connection\n');
  expect(shown.stdout).toMatch(new RegExp(`^web/2 +${before[1]} +draining +1 `, 'm'));
  expect(await daemon.fcgictl('reload', '--abort')).toMatchObject({
    status: 0,
    stdout: 'web: generation 1 serves\n',
  });
  client.destroy();
  await until(async () => (await daemon.pool('web')).generations.length === 1);
  expect(await daemon.workerPids('web')).toEqual(before);
  expect((await daemon.fcgictl('reload', '--abort', 'web')).status).toBe(1);
});

test('broken code is refused with its last words, and status says so until a reload succeeds', async () => {
  const before = await daemon.workerPids('web');
  writeWorker('this is no Perl (');
  for (const command of ['reload', 'restart']) {
    const refused = await daemon.fcgictl(command, 'web');
    expect([refused.status, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/^web: reload refused: .*; the workers from before go on serving$/m);
    expect(refused.stderr).toMatch(/^ {2}\| syntax error at worker\.pl line 1/m);
  }
  const shown = await daemon.fcgictl('status');
  expect(shown.status).toBe(0);
  expect(shown.stdout).toMatch(/^web: reload refused [\d.]+s ago/m);
  expect(await daemon.workerPids('web')).toEqual(before);
  writeWorker('print "Content-Type: text/plain\\r\\n\\r\\nbetter"');
  expect((await daemon.fcgictl('reload', 'web')).status).toBe(0);
  expect((await daemon.fcgictl('status')).stdout).not.toContain('refused');
});

test('scale keeps the other workers, and restart --hard none', async () => {
  const before = await daemon.workerPids('web');
  expect((await daemon.fcgictl('scale', 'web', '3')).stdout).toBe('web: running with 3 workers\n');
  expect(await daemon.workerPids('web')).toEqual(expect.arrayContaining([...before]));
  expect((await daemon.fcgictl('restart', '--hard')).status).toBe(0);
  const after = await daemon.workerPids('web');
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);
});

test('reload --config applies what has changed, and HUP does the same into the log', async () => {
  const before = await daemon.workerPids('web');
  config(pool('web', 2) + pool('api', 1));
  expect((await daemon.fcgictl('reload', '--config')).stdout).toBe('api: added: running with 1 worker\n');
  config(pool('web', 2));
  const applied = daemon.log.length;
  daemon.signal('SIGHUP');
  expect(await daemon.logged('config.applied', 30_000, applied)).toMatchObject({
    msg: 'the configuration is applied: 1 pool has changed',
  });
  expect(await daemon.workerPids('web')).toEqual(before);
  const invalid = pool('web', 2).replace('workers', 'wrokers');
  config(invalid);
  const refused = await daemon.fcgictl('reload', '--config');
  expect([refused.status, refused.stdout]).toEqual([78, '']);
  expect(refused.stderr).toContain('web: its new configuration has problems; it goes on as it was\n  | ');
  writeConfig(workspace, invalid, 'log_lvel = "info"');
  const soFar = daemon.log.length;
  daemon.signal('SIGHUP');
  const refusal = await daemon.logged('config.refused', 30_000, soFar);
  expect(String(refusal['problems'])).toContain('log_level');
  const socket = workspace.file('run/control.sock');
  const told = await daemon.fcgictl('--socket', socket, 'reload', '--config');
  expect([told.status, told.stdout]).toEqual([78, '']);
  expect(told.stderr).toContain('did you mean "workers"?');
  config(pool('web', 2));
  expect((await daemon.fcgictl('reload', '--config')).stdout).toBe('nothing has changed\n');
  writeConfig(workspace, pool('web', 2), 'log_level = "warn"');
  expect((await daemon.fcgictl('reload', '--config')).stdout).toBe(
    'settings in [daemon] have changed: they count from the next start\n',
  );
  expect(await daemon.workerPids('web')).toEqual(before);
});

test('an address that somebody deletes is back at once', async () => {
  rmSync(workspace.file('web.sock'));
  // Heard of: nobody looks at addresses at intervals.
  await daemon.logged('address.lost', 30_000);
  await new Promise((resolve, reject) =>
    connect(workspace.file('web.sock')).once('connect', resolve).once('error', reject),
  );
});
