import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPlan, planFromTables } from '../../../src/plan/load.ts';
import { defaultDaemonPlan, loadDaemonPlan } from '../../../src/plan/load-daemon.ts';
import { ann, loadText, memoryFiles, surroundings } from '../../helpers/surroundings.ts';

describe('the daemon', () => {
  it('has every default filled in', async () => {
    expect((await loadText('')).plan.daemon).toEqual({
      configFiles: ['/etc/runfcgid/runfcgid.toml'],
      runtimeDir: '/run/runfcgid',
      controlSocket: '/run/runfcgid/control.sock',
      controlMode: 0o600,
      pidfile: '/run/runfcgid/runfcgid.pid',
      log: { level: 'info', file: undefined, format: 'auto' },
    });
  });

  it('has paths relative to the file that names them', async () => {
    const { plan } = await loadText(`[daemon]
runtime_dir = "run"
control_socket = "ctl/c.sock"
control_mode = "0660"
pidfile = "../d.pid"
log_file = "/var/log/d.log"
log_level = "debug"
log_format = "json"
`);
    expect(plan.daemon).toMatchObject({
      runtimeDir: '/etc/runfcgid/run',
      controlSocket: '/etc/runfcgid/ctl/c.sock',
      controlMode: 0o660,
      pidfile: '/etc/d.pid',
      log: { level: 'debug', file: '/var/log/d.log', format: 'json' },
    });
  });

  it.each([
    [{ XDG_RUNTIME_DIR: '/run/user/1000' }, '/run/user/1000/runfcgid'],
    [{ XDG_RUNTIME_DIR: 'relative' }, '/home/ann/.local/state/runfcgid'],
    [{}, '/home/ann/.local/state/runfcgid'],
  ])('of a user with %j keeps its files in %s', async (environment, expected) => {
    expect((await loadText('', { ...ann, environment })).plan.daemon.runtimeDir).toBe(expected);
  });
});

describe('the client', () => {
  it('finds the control socket without looking at a pool', async () => {
    const files = memoryFiles({ '/a.toml': '[daemon]\nruntime_dir = "r"\n[pools.broken]\n' });
    const daemon = await loadDaemonPlan({ configFile: '/a.toml', surroundings: surroundings({ files }) });
    expect(daemon.controlSocket).toBe('/r/control.sock');
  });

  it('looks at the usual place where there is no configuration', async () => {
    const root = surroundings({ uid: 0, environment: {} });
    expect(await defaultDaemonPlan(root)).toMatchObject({
      configFiles: [],
      controlSocket: '/run/runfcgid/control.sock',
    });
  });

  it('does not load what only pools need', () => {
    const loaded = importsOf('src/plan/load-daemon.ts');
    expect(loaded).toContain('src/plan/resolve-daemon.ts');
    for (const heavy of ['plan/resolve-pool', 'plan/surroundings', 'host/accounts', 'plan/presets']) {
      expect(loaded).not.toContain(`src/${heavy}.ts`);
    }
  });

  it('is told what is wrong with the daemon', async () => {
    const files = memoryFiles({ '/a.toml': '[daemon]\ncontrol_mod = "0600"\n' });
    await expect(
      loadDaemonPlan({ configFile: '/a.toml', surroundings: surroundings({ files }) }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: '/a.toml:2:1: daemon.control_mod: is not a setting; did you mean "control_mode"?',
    });
  });
});

describe('a plan', () => {
  it('is made from the usual place when none is named', async () => {
    const files = memoryFiles({ '/home/ann/.config/runfcgid/runfcgid.toml': '' });
    const { plan } = await loadPlan({ surroundings: surroundings({ ...ann, files }) });
    expect(plan.daemon.configFiles).toEqual(['/home/ann/.config/runfcgid/runfcgid.toml']);
  });

  it('is made from tables without a file', async () => {
    const pool = { command: ['./x'], listen: 'x.sock' };
    const { plan } = await planFromTables({ pools: { site: pool } }, '/srv', surroundings());
    expect(plan.refused).toEqual([
      { name: 'site', problems: [expect.stringMatching(/^pools\.site\.listen: expected unix:\/path/)] },
    ]);
    const good = await planFromTables(
      { pools: { site: { ...pool, listen: './x.sock' } } },
      '/srv',
      surroundings(),
    );
    expect(good.plan.daemon.configFiles).toEqual([]);
    expect(good.plan.pools[0]).toMatchObject({
      listen: [{ address: { path: '/srv/x.sock' } }],
      worker: { argv: ['/srv/x'] },
    });
  });
});

/** The files that a file imports, directly or not; types are not loaded. */
function importsOf(file: string, found = new Set<string>()): readonly string[] {
  const text = readFileSync(file, 'utf8');
  for (const [, path = ''] of text.matchAll(/^import (?!type )[^;]*?from '(\.[^']+)';/gms)) {
    const imported = join(dirname(file), path);
    if (found.has(imported)) continue;
    found.add(imported);
    importsOf(imported, found);
  }
  return [...found];
}
