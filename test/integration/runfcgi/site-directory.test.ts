import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { SiteDirectory } from '../../../src/runfcgi/site-directory.ts';

const root = mkdtempSync(join(tmpdir(), 'rfs-site-'));
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a daemon can end although its directory was removed', async () => {
  const site = new SiteDirectory(join(root, 'site'), systemClock);
  site.takeOver();
  rmSync(root, { recursive: true });
  expect(() => site.beginEnd()).not.toThrow();
  await site.awaitSuccessor();
  site.release();
});
