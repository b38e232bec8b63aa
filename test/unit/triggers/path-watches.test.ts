import { EventEmitter } from 'node:events';
import type { WatchListener } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Hint, PathWatches } from '../../../src/triggers/path-watches.ts';

class FakeWatcher extends EventEmitter {
  isOpen = true;
  readonly listener: WatchListener<string>;

  constructor(listener: WatchListener<string>) {
    super();
    this.listener = listener;
  }

  close(): void {
    this.isOpen = false;
  }
}

function scene(failWith?: string) {
  const opened: [string, FakeWatcher][] = [];
  const hints: Hint[] = [];
  const exhausted: string[] = [];
  const watch = (path: string, listener: WatchListener<string>): FakeWatcher => {
    if (failWith !== undefined) throw Object.assign(new Error(failWith), { code: failWith });
    const watcher = new FakeWatcher(listener);
    opened.push([path, watcher]);
    return watcher;
  };
  const watches = new PathWatches({
    onHint: (hint) => hints.push(hint),
    onExhausted: (code) => exhausted.push(code),
    watch,
  });
  const open = (): string[] => opened.filter(([, watcher]) => watcher.isOpen).map(([path]) => path);
  return { watches, opened, open, hints, exhausted };
}

describe('the watches on paths', () => {
  it('are opened once for each path, and anew for another inode', () => {
    const { watches, opened, open } = scene();
    expect(watches.add({ path: '/a', inode: '1:1' })).toBe(true);
    expect(watches.add({ path: '/a', inode: '1:1' })).toBe(false);
    expect(watches.add({ path: '/a', inode: '1:2' })).toBe(true);
    expect(opened.length).toBe(2);
    expect(open()).toEqual(['/a']);
  });

  it('are given up when they are not wanted any more', () => {
    const { watches, open } = scene();
    for (const path of ['/a', '/b']) watches.add({ path, inode: '1:1' });
    watches.retain(new Set(['/b', '/c']));
    expect(open()).toEqual(['/b']);
    watches.close();
    expect(open()).toEqual([]);
  });

  it('hint only at the names that matter', () => {
    const { watches, opened, hints } = scene();
    watches.add({ path: '/srv', inode: '1:1', names: new Set(['site']) });
    for (const name of ['other', 'site', null]) opened[0]?.[1].listener('change', name);
    expect(hints.map(({ name }) => name)).toEqual(['site', undefined]);
  });

  it('are opened anew after the watched path itself came away, even with the same inode number', () => {
    const { watches, opened, hints } = scene();
    watches.add({ path: '/srv/site', inode: '1:1', names: new Set(['current']) });
    opened[0]?.[1].listener('rename', 'site');
    expect(hints.length).toBe(1);
    expect(watches.add({ path: '/srv/site', inode: '1:1' })).toBe(true);
  });

  it.each(['ENOSPC', 'EMFILE'])(
    'are all given up, and that is told once, when there are no more: %s',
    (code) => {
      const { watches, exhausted, open } = scene(code);
      expect(watches.add({ path: '/a', inode: '1:1' })).toBe(false);
      expect(watches.add({ path: '/b', inode: '1:1' })).toBe(false);
      expect(exhausted).toEqual([code]);
      expect(open()).toEqual([]);
    },
  );

  it.each(['EACCES', 'ENOENT'])('leave out what cannot be watched: %s', (code) => {
    const { watches, exhausted } = scene(code);
    expect(watches.add({ path: '/a', inode: '1:1' })).toBe(false);
    expect(exhausted).toEqual([]);
  });
});
