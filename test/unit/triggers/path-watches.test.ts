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
  it('are opened anew when they are renewed, since the path may lead elsewhere', () => {
    const { watches, opened, open } = scene();
    watches.renew({ path: '/a' });
    watches.renew({ path: '/a' });
    expect(opened.length).toBe(2);
    expect(opened.map(([, watcher]) => watcher.isOpen)).toEqual([false, true]);
    expect(open()).toEqual(['/a']);
  });

  it('are given up when they are not wanted any more', () => {
    const { watches, open } = scene();
    for (const path of ['/a', '/b']) watches.renew({ path });
    watches.retain(new Set(['/b', '/c']));
    expect(open()).toEqual(['/b']);
    watches.close();
    expect(open()).toEqual([]);
  });

  it('hint only at the names that matter', () => {
    const { watches, opened, hints } = scene();
    watches.renew({ path: '/srv', names: new Set(['site']) });
    for (const name of ['other', 'site', null]) opened[0]?.[1].listener('change', name);
    expect(hints.map(({ name }) => name)).toEqual(['site', undefined]);
  });

  it.each(['ENOSPC', 'EMFILE'])(
    'are all given up, and that is told once, when there are no more: %s',
    (code) => {
      const { watches, exhausted, open } = scene(code);
      watches.renew({ path: '/a' });
      watches.renew({ path: '/b' });
      expect(exhausted).toEqual([code]);
      expect(open()).toEqual([]);
    },
  );

  it.each(['EACCES', 'ENOENT'])('leave out what cannot be watched: %s', (code) => {
    const { watches, exhausted, open } = scene(code);
    watches.renew({ path: '/a' });
    expect(exhausted).toEqual([]);
    expect(open()).toEqual([]);
  });
});
