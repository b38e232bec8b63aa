import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { Site } from './site.ts';

let site: Site;

beforeEach(() => {
  site = new Site();
});

afterEach(async () => {
  await site.remove();
});

/** What happened before must not have fired: the next event is the one of this file alone. */
async function nothingFiredBut(name: string): Promise<void> {
  site.write(name, String(systemClock.now()));
  expect(await site.fired()).toMatchObject({ file: site.path(name), others: 0 });
}

const ways = [
  { way: 'with inotify', pollMs: undefined },
  { way: 'by looking', pollMs: 40 },
] as const;

describe.each(ways)('a watched tree, $way', ({ pollMs }) => {
  it('fires for a written, a new and a removed file, by name', async () => {
    site.write('site/blog/views.py');
    await site.watch({ tree: 'site', pollMs });
    site.write('site/blog/views.py', 'changed');
    expect(await site.fired()).toEqual({
      cause: 'watch',
      file: site.path('site/blog/views.py'),
      others: 0,
      summary: 'blog/views.py',
    });
    site.write('site/blog/models.py');
    expect(await site.fired()).toMatchObject({ summary: 'blog/models.py' });
    rmSync(site.path('site/blog/models.py'));
    expect(await site.fired()).toMatchObject({ summary: 'blog/models.py' });
  });

  it('makes one event of a deploy that writes 500 files', async () => {
    site.write('site/a.py');
    await site.watch({ tree: 'site', pollMs });
    for (let file = 0; file < 500; file += 1) {
      site.write(`site/app${file % 25}/deep/module${file}.py`);
      if (file % 25 === 0) await systemClock.sleep(10);
    }
    const event = await site.fired();
    expect(event.others).toBe(499);
    expect(event.summary).toMatch(/\.py and 499 more$/);
    await nothingFiredBut('site/app3/deep/module3.py');
  });

  it('survives editors that write beside and rename, and that move the original away', async () => {
    site.write('site/views.py');
    await site.watch({ tree: 'site', pollMs });
    for (let round = 0; round < 2; round += 1) {
      site.write('site/views.py.tmp', `atomic ${round}`);
      site.rename('site/views.py.tmp', 'site/views.py');
      expect(await site.fired()).toMatchObject({ summary: 'views.py' });
      // vim with backupcopy=no, its swap file and its probe of the directory.
      site.write('site/.views.py.swp');
      site.write('site/4913');
      rmSync(site.path('site/4913'));
      site.rename('site/views.py', 'site/views.py~');
      site.write('site/views.py', `vim ${round}`);
      rmSync(site.path('site/views.py~'));
      rmSync(site.path('site/.views.py.swp'));
      expect(await site.fired()).toMatchObject({ summary: 'views.py' });
    }
    await nothingFiredBut('site/other.py');
  });

  it('sees a file that is deleted and written again as one change', async () => {
    site.write('site/views.py');
    await site.watch({ tree: 'site', pollMs });
    rmSync(site.path('site/views.py'));
    site.write('site/views.py', 'again');
    expect(await site.fired()).toMatchObject({ summary: 'views.py' });
    await nothingFiredBut('site/views.py');
  });

  it('goes on after a directory in it was replaced by a rename', async () => {
    site.write('site/blog/views.py');
    await site.watch({ tree: 'site', pollMs });
    site.write('new/views.py', 'new');
    site.rename('site/blog', 'old');
    site.rename('new', 'site/blog');
    expect(await site.fired()).toMatchObject({ summary: 'blog/views.py' });
    await nothingFiredBut('site/blog/views.py');
    await nothingFiredBut('site/blog/models.py');
  });

  it('goes on after the tree itself was replaced by a rename, or removed and made again', async () => {
    site.write('site/views.py');
    await site.watch({ tree: 'site', pollMs });
    site.write('new/views.py', 'new');
    site.rename('site', 'old');
    site.rename('new', 'site');
    expect(await site.fired()).toMatchObject({ cause: 'watch', others: 1 });
    await nothingFiredBut('site/views.py');
    rmSync(site.path('site'), { recursive: true });
    site.write('site/views.py', 'third');
    await site.fired();
    await nothingFiredBut('site/views.py');
  });

  it('follows the symbolic link of a release', async () => {
    site.write('releases/41/views.py');
    site.write('releases/42/views.py');
    symlinkSync('releases/41', site.path('current'));
    await site.watch({ tree: 'current', pollMs });
    site.switchLink('current', 'releases/42');
    expect(await site.fired()).toMatchObject({ summary: 'current and 1 more' });
    site.write('releases/42/views.py', 'changed');
    expect(await site.fired()).toMatchObject({ summary: 'views.py', others: 0 });
  });

  it('may appear after the daemon has started', async () => {
    await site.watch({ tree: 'srv/site', pollMs });
    site.write('srv/site/views.py');
    await site.fired();
    await nothingFiredBut('srv/site/views.py');
  });

  it('ignores modes, what no pattern wants, and what the site writes', async () => {
    site.write('site/views.py');
    site.write('site/db.sqlite3');
    site.write('site/venv/pyvenv.cfg');
    await site.watch({ tree: 'site', pollMs, patterns: ['**', '!media/'] });
    chmodSync(site.path('site/views.py'), 0o755);
    appendFileSync(site.path('site/db.sqlite3'), 'row');
    site.write('site/db.sqlite3-journal');
    site.write('site/debug.log');
    site.write('site/__pycache__/views.cpython-311.pyc');
    site.write('site/.git/index.lock');
    site.write('site/media/upload.jpg');
    site.write('site/venv/lib/django.py');
    mkdirSync(site.path('site/empty'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(site.path('site/app.socket'), resolve));
    await nothingFiredBut('site/views.py');
    await new Promise((resolve) => server.close(resolve));
  });

  it('warns once of a directory that it may not read, and goes on', async () => {
    site.write('site/views.py');
    site.write('site/secret/keys.py');
    chmodSync(site.root, 0o755);
    chmodSync(site.path('site/secret'), 0);
    const uid = process.geteuid?.() ?? 0;
    if (uid === 0) process.seteuid?.(65_534);
    try {
      await site.watch({ tree: 'site', pollMs });
      process.seteuid?.(uid);
      site.write('site/views.py', 'changed');
      if (uid === 0) process.seteuid?.(65_534);
      expect(await site.fired()).toMatchObject({ summary: 'views.py', others: 0 });
      expect(site.logged('trigger.unreadable')).toMatchObject([{ directory: site.path('site/secret') }]);
    } finally {
      process.seteuid?.(uid);
      chmodSync(site.path('site/secret'), 0o700);
    }
  });
});

describe('a watched tree', () => {
  it('does not run in circles along symbolic links', async () => {
    site.write('site/blog/views.py');
    symlinkSync('..', site.path('site/blog/up'));
    symlinkSync('views.py', site.path('site/blog/alias.py'));
    await site.watch({ tree: 'site' });
    site.write('site/blog/views.py', 'changed');
    expect((await site.fired()).others).toBe(1);
  });

  it('and its trigger file make one event together, in the name of the trigger file', async () => {
    site.write('site/mysite.fcgi');
    site.write('site/views.py');
    await site.watch({ tree: 'site', files: ['site/mysite.fcgi'] });
    site.write('site/views.py', 'changed');
    site.write('site/mysite.fcgi', 'changed');
    expect(await site.fired()).toMatchObject({ cause: 'touch', summary: 'mysite.fcgi and 1 more' });
    await nothingFiredBut('site/views.py');
  });

  it('leaves no watch behind', async () => {
    site.write('site/a/b/c/views.py');
    const triggers = await site.watch({ tree: 'site' });
    expect(process.getActiveResourcesInfo()).toContain('FSEventWrap');
    site.write('site/a/b/c/views.py', 'changed');
    await triggers.close();
    await expect.poll(() => process.getActiveResourcesInfo()).not.toContain('FSEventWrap');
    expect(site.events).toEqual([]);
  });
});
