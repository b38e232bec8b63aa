import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleScript } from '../../helpers/bundle-script.ts';
import { mustFinish } from '../../helpers/program.ts';
import { requireRoot } from '../sockets/support.ts';

test('a stranger that has got the pid of a worker is never signaled', async () => {
  requireRoot();
  const script = await bundleScript('test/fixtures/reuses-pids.ts');
  const scratch = mkdtempSync(join(tmpdir(), 'runfcgid-pids-'));
  try {
    const words = [process.execPath, script.path, join(scratch, 'workers.json')];
    const namespace = ['--pid', '--fork', '--kill-child', '--mount-proc'];
    const stdout = await mustFinish(['unshare', ...namespace, ...words], { timeoutMs: 20_000 });
    expect(JSON.parse(stdout)).toEqual({
      before: { found: 0, isSpared: true },
      during: { found: 1, isSpared: true },
      byName: { met: 1, results: ['gone', 0, 0, 0], isSpared: true },
    });
  } finally {
    script.remove();
    rmSync(scratch, { recursive: true });
  }
});
