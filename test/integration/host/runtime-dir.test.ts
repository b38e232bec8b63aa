import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareRuntimeDir, refusalOfRuntimeDir } from '../../../src/host/runtime-dir.ts';
import { requireRoot } from '../sockets/support.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'runtime-dir-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

describe('a runtime directory', () => {
  test('is made so that the web server gets through', () => {
    const path = join(scratch, 'a', 'b');
    const umask = process.umask(0o077);
    prepareRuntimeDir(path);
    expect(process.umask(umask)).toBe(0o077);
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(statSync(join(scratch, 'a')).mode & 0o777).toBe(0o700);
  });

  test('that another group than ours can write to is refused', () => {
    requireRoot();
    chmodSync(scratch, 0o775);
    expect(() => prepareRuntimeDir(scratch)).not.toThrow();
    chownSync(scratch, 0, 33);
    expect(() => prepareRuntimeDir(scratch)).toThrow('can be written by another group than ours (gid 33)');
    expect(refusalOfRuntimeDir(scratch)?.message).toContain(
      'can be written by another group than ours (gid 33)',
    );
    chmodSync(scratch, 0o1775);
    expect(() => prepareRuntimeDir(scratch)).not.toThrow();
    expect(refusalOfRuntimeDir(scratch)).toBeUndefined();
  });

  test('of another user is refused, but not beforehand, when it may be that of the daemon', () => {
    requireRoot();
    chownSync(scratch, 33, 33);
    expect(() => prepareRuntimeDir(scratch)).toThrow('belongs to another user (uid 33)');
    expect(refusalOfRuntimeDir(scratch)).toBeUndefined();
  });

  test('that everybody can write to is refused, unless nobody can exchange what others made there', () => {
    chmodSync(scratch, 0o777);
    expect(() => prepareRuntimeDir(scratch)).toThrow('can be written by everybody');
    chmodSync(scratch, 0o1777);
    expect(() => prepareRuntimeDir(scratch)).not.toThrow();
  });

  test('of another user is refused', () => {
    const path = join(scratch, 'foreign');
    mkdirSync(path);
    // Only root can give a directory away, and the tests run as root where this counts.
    chownSync(path, 65_534, 65_534);
    expect(() => prepareRuntimeDir(path)).toThrow('belongs to another user (uid 65534)');
  });
});
