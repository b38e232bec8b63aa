import { appendFileSync, chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { hintsAlone, Site } from './site.ts';

let site: Site;

beforeEach(() => {
  site = new Site();
});

afterEach(async () => {
  await site.remove();
});

function touch(name: string): void {
  utimesSync(site.path(name), new Date(), new Date());
}

/** What happened before must not have fired: the next event is the one of this file alone. */
async function nothingFiredBut(name: string): Promise<void> {
  site.write(name, String(systemClock.now()));
  expect(await site.fired()).toMatchObject({ file: site.path(name), others: 0 });
}

describe('a trigger file', () => {
  it('fires when it is touched, at once and by name', async () => {
    site.write('mysite.fcgi');
    await site.watch({ files: ['mysite.fcgi'], clock: hintsAlone });
    touch('mysite.fcgi');
    expect(await site.fired()).toEqual({
      cause: 'touch',
      file: site.path('mysite.fcgi'),
      others: 0,
      summary: 'mysite.fcgi',
    });
    expect(site.logged('trigger.fired')).toMatchObject([{ cause: 'touch', file: site.path('mysite.fcgi') }]);
  });

  it('fires each time it is touched', async () => {
    site.write('mysite.fcgi');
    await site.watch({ files: ['mysite.fcgi'] });
    for (let round = 0; round < 3; round += 1) {
      touch('mysite.fcgi');
      await site.fired();
    }
    expect(site.events).toEqual([]);
  });

  it('fires when it is replaced by a rename, and goes on firing', async () => {
    site.write('mysite.fcgi');
    await site.watch({ files: ['mysite.fcgi'] });
    for (let round = 0; round < 3; round += 1) {
      site.write('mysite.fcgi.new', `round ${round}`);
      site.rename('mysite.fcgi.new', 'mysite.fcgi');
      expect(await site.fired()).toMatchObject({ file: site.path('mysite.fcgi') });
    }
    touch('mysite.fcgi');
    await site.fired();
  });

  it('need not exist, nor its directory', async () => {
    await site.watch({ files: ['run/today/reload'] });
    site.write('run/today/reload');
    expect(await site.fired()).toMatchObject({ summary: 'reload' });
    touch('run/today/reload');
    await site.fired();
  });

  it('does not fire when it is removed, but when it comes back', async () => {
    site.write('mysite.fcgi');
    site.write('other');
    await site.watch({ files: ['mysite.fcgi', 'other'] });
    rmSync(site.path('mysite.fcgi'));
    await nothingFiredBut('other');
    site.write('mysite.fcgi');
    expect(await site.fired()).toMatchObject({ summary: 'mysite.fcgi' });
  });

  it('does not fire when only its mode changes', async () => {
    site.write('mysite.fcgi');
    site.write('other');
    await site.watch({ files: ['mysite.fcgi', 'other'] });
    chmodSync(site.path('mysite.fcgi'), 0o755);
    await nothingFiredBut('other');
  });

  it('fires when a release is switched by its symbolic link', async () => {
    site.write('releases/41/mysite.fcgi');
    site.write('releases/42/mysite.fcgi');
    symlinkSync('releases/41', site.path('current'));
    await site.watch({ files: ['current/mysite.fcgi'], clock: hintsAlone });
    site.switchLink('current', 'releases/42');
    expect(await site.fired()).toMatchObject({ file: site.path('current/mysite.fcgi') });
    touch('releases/42/mysite.fcgi');
    await site.fired();
  });

  it('fires when the new release shares the very file by a hard link', async () => {
    site.write('releases/41/mysite.fcgi');
    mkdirSync(site.path('releases/42'));
    linkSync(site.path('releases/41/mysite.fcgi'), site.path('releases/42/mysite.fcgi'));
    symlinkSync(site.path('releases/41'), site.path('current'));
    await site.watch({ files: ['current/mysite.fcgi'] });
    site.switchLink('current', site.path('releases/42'));
    await site.fired();
  });

  it('can be the symbolic link to the release itself, whatever the site writes in there', async () => {
    site.write('releases/41/views.py');
    site.write('releases/42/views.py');
    site.write('other');
    symlinkSync('releases/41', site.path('current'));
    await site.watch({ files: ['current', 'other'] });
    site.write('current/upload.jpg');
    await nothingFiredBut('other');
    site.switchLink('current', 'releases/42');
    expect(await site.fired()).toMatchObject({ summary: 'current' });
  });

  it('fires when a directory above it is replaced by a rename', async () => {
    site.write('srv/site/mysite.fcgi');
    await site.watch({ files: ['srv/site/mysite.fcgi'], clock: hintsAlone });
    site.write('srv.new/site/mysite.fcgi');
    site.rename('srv', 'srv.old');
    site.rename('srv.new', 'srv');
    await site.fired();
    touch('srv/site/mysite.fcgi');
    await site.fired();
  });

  it('fires once for a list of files touched together, with the number of the others', async () => {
    const files = ['a', 'b', 'c'];
    for (const file of files) site.write(file);
    await site.watch({ files });
    for (const file of files) touch(file);
    const event = await site.fired();
    expect(event.others).toBe(2);
    expect(event.summary).toMatch(/^[abc] and 2 more$/);
    await nothingFiredBut('b');
  });

  it('fires under a writer who never stops', async () => {
    site.write('mysite.fcgi');
    await site.watch({ files: ['mysite.fcgi'], touchSettleMs: 400, maxWaitMs: 1000 });
    let isWriting = true;
    const write = async (): Promise<void> => {
      while (isWriting) {
        appendFileSync(site.path('mysite.fcgi'), 'x');
        await systemClock.sleep(20);
      }
    };
    const writer = write();
    await site.fired();
    await site.fired();
    isWriting = false;
    await writer;
  });

  it('fires without inotify, by looking', async () => {
    site.write('mysite.fcgi');
    await site.watch({ files: ['mysite.fcgi'], pollMs: 50 });
    await expect
      .poll(() => process.getActiveResourcesInfo(), { timeout: 30_000 })
      .not.toContain('FSEventWrap');
    touch('mysite.fcgi');
    await site.fired();
    site.write('mysite.fcgi.new', 'new');
    site.rename('mysite.fcgi.new', 'mysite.fcgi');
    await site.fired();
  });

  it('fires no more after the triggers were closed, and nothing of them is left', async () => {
    site.write('mysite.fcgi');
    const triggers = await site.watch({ files: ['mysite.fcgi'] });
    touch('mysite.fcgi');
    await triggers.close();
    await expect
      .poll(() => process.getActiveResourcesInfo(), { timeout: 30_000 })
      .not.toContain('FSEventWrap');
    const witness = await site.watch({ files: ['mysite.fcgi'] });
    touch('mysite.fcgi');
    await site.fired();
    await witness.close();
    expect(site.events).toEqual([]);
  });
});

describe('a generation', () => {
  it('knows whether the trigger files changed since it was opened', async () => {
    site.write('mysite.fcgi');
    const triggers = await site.watch({ files: ['mysite.fcgi', 'reload'] });
    const opened = triggers.fingerprint();
    expect(triggers.hasChangedSince(opened)).toBeUndefined();
    chmodSync(site.path('mysite.fcgi'), 0o755);
    expect(triggers.hasChangedSince(opened)).toBeUndefined();
    touch('mysite.fcgi');
    expect(triggers.hasChangedSince(opened)).toMatchObject({ cause: 'touch', summary: 'mysite.fcgi' });
    site.write('reload');
    expect(triggers.hasChangedSince(opened)).toMatchObject({ summary: 'mysite.fcgi and 1 more' });
    expect(triggers.hasChangedSince(triggers.fingerprint())).toBeUndefined();
  });

  it('knows whether the watched tree changed, before the change has settled', async () => {
    site.write('site/views.py');
    const triggers = await site.watch({ tree: 'site', watchSettleMs: 600_000, maxWaitMs: 600_000 });
    const opened = triggers.fingerprint();
    expect(triggers.hasChangedSince(opened)).toBeUndefined();
    site.write('site/views.py', 'changed');
    await expect.poll(() => triggers.hasChangedSince(opened)?.summary, { timeout: 30_000 }).toBe('views.py');
    expect(site.events).toEqual([]);
  });
});
