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

/** Each new file is followed by an event; the first ones may be of what happened before, or be told together with it. */
async function somethingIsSeenIn(directory: string): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const name = `${directory}new${attempt}.py`;
    site.write(name, String(systemClock.now()));
    const event = await site.fired();
    if (event.file === site.path(name) && event.others === 0) return;
  }
  throw new Error(`a new file in ${directory} is never told by its name`);
}

/** A sequence of numbers from 0 below `limit` that is the same each time. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(state / 2 ** 8) % limit;
  };
}

function deployStep(random: (limit: number) => number): void {
  const directory = `current/${['a', 'a/b', 'c'][random(3)]}`;
  const release = `releases/${1 + random(2)}`;
  const steps = [
    () => site.write(`${directory}/views.py`, String(systemClock.now())),
    () => site.write('current/a/reload', String(systemClock.now())),
    () => rmSync(site.path(directory), { recursive: true, force: true }),
    () => site.switchLink('current', release),
    () => {
      rmSync(site.path(release), { recursive: true });
      site.write(`${release}/a/b/views.py`, 'made anew');
    },
    () => {
      site.write('fresh/b/views.py', String(systemClock.now()));
      rmSync(site.path('old'), { recursive: true, force: true });
      site.write(`${directory}/last.py`);
      site.rename(directory, 'old');
      site.rename('fresh', directory);
    },
  ];
  steps[random(steps.length)]?.();
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

  it('goes on after its release was removed and made anew, with a trigger file in it', async () => {
    site.write('releases/41/app/views.py');
    site.write('releases/41/mysite.fcgi');
    symlinkSync('releases/41', site.path('current'));
    await site.watch({ tree: 'current', files: ['current/mysite.fcgi'] });
    // The kernel gives the new directory the inode number of the old one.
    for (let round = 0; round < 4; round += 1) {
      rmSync(site.path('releases/41'), { recursive: true });
      site.write('releases/41/app/views.py', `round ${round}`);
      await site.fired();
      await nothingFiredBut('current/app/views.py');
      await nothingFiredBut('current/models.py');
    }
  });

  it('goes on after anything that a deploy can do', async () => {
    site.write('releases/1/a/b/views.py');
    site.write('releases/2/a/views.py');
    symlinkSync('releases/1', site.path('current'));
    await site.watch({ tree: 'current', files: ['current/a/reload'], touchSettleMs: 30, watchSettleMs: 60 });
    const random = randomFrom(42);
    for (let round = 0; round < 25; round += 1) {
      for (let step = random(5); step >= 0; step -= 1) {
        deployStep(random);
        await systemClock.sleep(random(60));
      }
      await somethingIsSeenIn(`current/${['', 'a/', 'a/b/', 'c/'][random(4)]}`);
    }
  });

  it('leaves no watch behind', async () => {
    site.write('site/a/b/c/views.py');
    const triggers = await site.watch({ tree: 'site' });
    expect(process.getActiveResourcesInfo()).toContain('FSEventWrap');
    site.write('site/a/b/c/views.py', 'changed');
    await triggers.close();
    await expect
      .poll(() => process.getActiveResourcesInfo(), { timeout: 30_000 })
      .not.toContain('FSEventWrap');
    expect(site.events).toEqual([]);
  });
});
