import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const unit = read('runfcgid.service');
const socket = read('runfcgid.socket');

function read(name: string): string {
  return readFileSync(new URL(`../../../systemd/${name}`, import.meta.url), 'utf8');
}

/** What systemd complains about in the units, with a program that exists on every machine. */
async function verify(service: string, withSocket = socket): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'unit-'));
  const files = ['runfcgid.service', 'runfcgid.socket'].map((name) => join(directory, name));
  const [serviceFile = '', socketFile = ''] = files;
  writeFileSync(serviceFile, service.replace('ExecStart=/usr/bin/runfcgid', 'ExecStart=/bin/true'));
  writeFileSync(socketFile, withSocket);
  const { stdout, stderr } = await run('systemd-analyze', ['verify', ...files]).catch((failed) => failed);
  rmSync(directory, { recursive: true });
  // Complaints about other units of the machine are none of ours.
  return `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line.includes('runfcgid'))
    .join('\n');
}

test('systemd-analyze finds nothing wrong with the units', async () => {
  expect(await verify(unit)).toBe('');
});

test('systemd-analyze would find something', async () => {
  expect(await verify(unit.replace('KillMode=mixed', 'KillMode=mixd'))).toContain('mixd');
  expect(await verify(unit.replace('StartLimitBurst', 'StartLimitBurts'))).toContain('StartLimitBurts');
  expect(await verify(unit, socket.replace('SocketMode', 'SocketMod'))).toContain('SocketMod');
});
