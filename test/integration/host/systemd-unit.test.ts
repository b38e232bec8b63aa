import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const unit = readFileSync(new URL('../../../systemd/runfcgid.service', import.meta.url), 'utf8');

/** What systemd complains about in the unit, with a program that exists on every machine. */
async function verify(text: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'unit-'));
  const file = join(directory, 'runfcgid.service');
  writeFileSync(file, text.replace('ExecStart=/usr/bin/runfcgid', 'ExecStart=/bin/true'));
  const { stdout, stderr } = await run('systemd-analyze', ['verify', file]).catch((failed) => failed);
  rmSync(directory, { recursive: true });
  // Complaints about other units of the machine are none of ours.
  return `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line.includes('runfcgid'))
    .join('\n');
}

test('systemd-analyze finds nothing wrong with the unit', async () => {
  expect(await verify(unit)).toBe('');
});

test('systemd-analyze would find something', async () => {
  expect(await verify(unit.replace('KillMode=mixed', 'KillMode=mixd'))).toContain('mixd');
  expect(await verify(unit.replace('StartLimitBurst', 'StartLimitBurts'))).toContain('StartLimitBurts');
});
