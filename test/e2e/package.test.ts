import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository, writeConfig } from '../helpers/daemon.ts';
import { demoPool, migrateDemo } from '../helpers/demo-site.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { type Finished, finish, mustFinish, plainEnvironment } from '../helpers/program.ts';
import { Workspace } from '../helpers/workspace.ts';

let workspace: Workspace;
let folder: string;

/** Packs what is built, and installs the tarball into an empty folder. */
beforeAll(async () => {
  workspace = new Workspace();
  folder = workspace.file('elsewhere');
  mkdirSync(folder);
  await mustFinish(['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', workspace.path], {
    cwd: repository,
  });
  const [tarball = ''] = readdirSync(workspace.path).filter((name) => name.endsWith('.tgz'));
  await mustFinish(
    [
      'npm',
      'install',
      '--prefix',
      folder,
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      workspace.file(tarball),
    ],
    { cwd: folder, timeoutMs: 300_000 },
  );
});

afterAll(() => workspace.close());

function installed(program: string, ...args: readonly string[]): Promise<Finished> {
  const { PATH, ...environment } = plainEnvironment(workspace.path);
  const bin = join(folder, 'node_modules', '.bin');
  return finish([program, ...args], { cwd: folder, environment: { ...environment, PATH: `${bin}:${PATH}` } });
}

test('the package installed elsewhere serves the demo', async () => {
  await migrateDemo(workspace);
  const listen = `unix:${workspace.file('mysite.sock')}`;
  const config = writeConfig(workspace, demoPool(workspace, listen, 'method = "prefork"', 'workers = 2'));
  workspace.onClose(() => installed('fcgictl', '--config', config, 'stop'));
  const started = await installed('fcgictl', '--config', config, 'start');
  expect(started).toMatchObject({ status: 0, stdout: 'mysite: running with 2 workers\n' });
  const { url } = await startNginx(workspace, listen);
  expect((await ask(`${url}/guestbook/`)).status).toBe(200);
  const [daemon] = workspace.processes().filter(({ command }) => command.includes('runfcgid.js'));
  expect(daemon?.command).toContain(`${folder}/node_modules/`);
  const stopped = await installed('fcgictl', '--config', config, 'stop');
  expect(stopped).toMatchObject({ status: 0, stdout: 'mysite: stopped\nrunfcgid has ended\n' });
});

test('both programs know their version', async () => {
  const { version } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8'));
  expect(await installed('runfcgid', '--version')).toMatchObject({
    status: 0,
    stdout: `runfcgid ${version}\n`,
  });
  expect(await installed('fcgictl', '--version')).toMatchObject({ status: 0, stdout: `${version}\n` });
});

test('the package holds its documents and licences, and nothing that only its makers need', () => {
  const root = join(folder, 'node_modules', 'runfcgid');
  for (const name of [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'docs/configuration.md',
    'systemd/runfcgid.service',
  ]) {
    expect([name, existsSync(join(root, name))]).toEqual([name, true]);
  }
  expect(readdirSync(root).sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'docs',
    'package.json',
    'python',
    'systemd',
  ]);
  const files = readdirSync(root, { recursive: true }).map(String);
  expect(files.filter((name) => name.includes('__pycache__'))).toEqual([]);
  expect(readFileSync(join(root, 'dist', 'THIRD-PARTY.txt'), 'utf8')).toMatch(/^execa \d.*MIT/m);
});
