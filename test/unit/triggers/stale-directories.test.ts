import { describe, expect, it } from 'vitest';
import { StaleDirectories } from '../../../src/triggers/stale-directories.ts';

function fresh(): StaleDirectories {
  const stale = new StaleDirectories();
  stale.take();
  return stale;
}

describe('the directories to read again', () => {
  it('are all at the beginning, and none once they were taken', () => {
    const stale = new StaleDirectories();
    expect(stale.take().has('blog')).toBe(true);
    expect(stale.take().has('blog')).toBe(false);
  });

  it('are the one that holds a written file', () => {
    const stale = fresh();
    stale.noteWritten('blog/views.py');
    stale.noteWritten('manage.py');
    const taken = stale.take();
    expect(['', 'blog', 'blog/sub', 'shop'].filter((path) => taken.has(path))).toEqual(['', 'blog']);
  });

  it('are the whole tree below a directory that came or went, and the one that holds it', () => {
    const stale = fresh();
    stale.noteMoved('apps/blog');
    const paths = ['', 'apps', 'apps/blog', 'apps/blog/sub/deep', 'apps/blogs'];
    expect(paths.filter((path) => stale.has(path))).toEqual(['apps', 'apps/blog', 'apps/blog/sub/deep']);
  });

  it('are all after so many hints that some may have been lost', () => {
    const stale = fresh();
    for (let file = 0; file < 2000; file += 1) stale.noteWritten(`blog/f${file}.py`);
    expect(stale.take().has('shop')).toBe(true);
    stale.noteWritten('blog/views.py');
    expect(stale.has('shop')).toBe(false);
  });
});
