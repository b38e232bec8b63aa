import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { rolldown } from 'rolldown';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Site } from './site.ts';

type Child = ChildProcessByStdio<Writable, Readable, null>;

const bundled = new Site();
const program = bundled.path('watch-until-told.mjs');
let site: Site;
let child: Child | undefined;

beforeAll(async () => {
  const bundle = await rolldown({
    input: new URL('watch-until-told.ts', import.meta.url).pathname,
    platform: 'node',
  });
  await bundle.write({ file: program, format: 'esm' });
});

afterAll(async () => {
  await bundled.remove();
});

beforeEach(() => {
  site = new Site();
  site.write('site/mysite.fcgi');
  for (let app = 0; app < 20; app += 1) site.write(`site/app${app}/views.py`);
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await site.remove();
});

/** Inotify limits of a user namespace apply beside the machine's (user_namespaces(7), /proc/sys/user). */
const scarce = ['--user', '--map-root-user', 'sh', '-c'];
const canLimit =
  spawnSync('unshare', [...scarce, 'echo 5 >/proc/sys/user/max_inotify_watches'], { stdio: 'ignore' })
    .status === 0;

function start(argv: readonly [string, ...string[]]): Child {
  const [command, ...rest] = argv;
  child = spawn(command, [...rest, site.path('site'), site.path('site/mysite.fcgi')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return child;
}

/** Collects the lines a process prints; `until` resolves with the first line of that event. */
function linesOf({ stdout }: Child): (event: string) => Promise<Record<string, unknown>> {
  const lines: Record<string, unknown>[] = [];
  let rest = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((line) => JSON.parse(line)));
  });
  return async (event) => {
    const find = (): number => lines.findIndex((line) => line['event'] === event);
    await expect.poll(find, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(0);
    return lines.splice(find(), 1)[0] ?? {};
  };
}

describe('a process with triggers', () => {
  it('ends by itself once they are closed', async () => {
    const running = start([process.execPath, program]);
    const line = linesOf(running);
    expect((await line('started'))['handles']).toContain('FSEventWrap');
    site.write('site/app7/views.py', 'changed');
    expect(await line('trigger.fired')).toMatchObject({ file: site.path('site/app7/views.py'), others: 0 });
    running.stdin.end();
    expect(await once(running, 'exit', { signal: AbortSignal.timeout(60_000) })).toEqual([0, null]);
  });

  it.skipIf(!canLimit)('looks at intervals, and says so, when the kernel has no more watches', async () => {
    const limit = 'echo 8 >/proc/sys/user/max_inotify_watches; exec "$0" "$@"';
    const running = start(['unshare', ...scarce, limit, process.execPath, program]);
    const line = linesOf(running);
    expect(await line('trigger.polling')).toMatchObject({
      path: site.path('site'),
      reason: 'ENOSPC',
      intervalMs: 1000,
    });
    await line('started');
    site.write('site/app19/views.py', 'changed');
    expect(await line('trigger.fired')).toMatchObject({ file: site.path('site/app19/views.py') });
    site.write('site/mysite.fcgi', 'changed');
    expect(await line('trigger.fired')).toMatchObject({ file: site.path('site/mysite.fcgi') });
    running.stdin.end();
    expect(await once(running, 'exit', { signal: AbortSignal.timeout(60_000) })).toEqual([0, null]);
  });
});
