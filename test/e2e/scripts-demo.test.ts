import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { repository } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { collect, ended, finish } from '../helpers/program.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;
let checkout: string;

/** A copy of what the script uses, so that it does not meet a demo that somebody is looking at. */
beforeEach(() => {
  workspace = new Workspace();
  checkout = workspace.file('checkout');
  mkdirSync(checkout);
  for (const name of [
    'package.json',
    'package-lock.json',
    'rolldown.config.js',
    'src',
    'scripts',
    'bin',
    'dist',
    'python',
    'demo',
  ]) {
    cpSync(join(repository, name), join(checkout, name), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(checkout, 'node_modules'));
});

afterEach(() => workspace.close());

test('scripts/demo --once shows that the site answers, and leaves nothing', async () => {
  const { status, stdout, stderr } = await finish(['scripts/demo', '--once'], { cwd: checkout });
  expect(stdout, stderr).toMatch(/^The site answers at http:\/\/127\.0\.0\.1:80\d\d\/$/m);
  expect(stdout).toMatch(/^mysite +running +4\/4/m);
  expect(status).toBe(0);
  expect(workspace.processes()).toEqual([]);
  expect(workspace.filesLeft()).toEqual([]);
});

test('scripts/demo serves until it is stopped, once at a time', async () => {
  const demo = spawn('scripts/demo', { cwd: checkout, stdio: ['ignore', 'pipe', 'inherit'] });
  const said = collect(demo.stdout);
  workspace.onClose(() => {
    demo.kill('SIGTERM');
    return ended(demo, 60_000);
  });
  await until(() => {
    if (demo.exitCode !== null) throw new Error(`the demo has ended: ${said()}`);
    return said().includes('Ctrl-C stops everything.');
  }, 180_000);
  const url = /http:\/\/\S+/.exec(said())?.[0] ?? '';
  const page = await ask(url);
  expect([page.status, page.body.toString()]).toEqual([200, expect.stringContaining('/static/site.css')]);
  expect((await ask(`${url}static/site.css`)).status).toBe(200);
  const second = await finish(['scripts/demo', '--once'], { cwd: checkout });
  expect([second.status, second.stderr]).toEqual([1, expect.stringContaining('The demo runs already')]);
  demo.kill('SIGTERM');
  await ended(demo, 60_000);
  expect(said()).toContain('Everything has stopped.');
  expect(workspace.processes()).toEqual([]);
  expect(existsSync(join(checkout, '.demo', 'mysite.sock'))).toBe(false);
});
