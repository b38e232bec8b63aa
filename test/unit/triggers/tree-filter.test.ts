import { describe, expect, it } from 'vitest';
import { TreeFilter } from '../../../src/triggers/tree-filter.ts';

function filter(patterns: readonly string[], ignore: readonly string[] = []): TreeFilter {
  return new TreeFilter({ directory: '/srv/site', patterns, ignore });
}

describe('a watched tree', () => {
  it('watches what a pattern includes and none excludes', () => {
    const python = filter(['**/*.py', '!migrations/']);
    expect(python.isWatched('blog/views.py')).toBe(true);
    expect(python.isWatched('blog/style.css')).toBe(false);
    expect(python.isWatched('blog/migrations/0001_initial.py')).toBe(false);
  });

  it('watches everything when patterns only exclude', () => {
    expect(filter(['!*.css']).isWatched('blog/a.html')).toBe(true);
    expect(filter(['!*.css']).isWatched('blog/a.css')).toBe(false);
  });

  it.each([
    '.git/index',
    'blog/__pycache__/views.cpython-311.pyc',
    'views.pyc',
    'node_modules/left-pad/index.py',
    'db.sqlite3',
    'db.sqlite3-journal',
    'data/site.db-wal',
    'debug.log',
    'debug.log.1',
    'blog/.views.py.swp',
    'blog/views.py~',
    'blog/4913',
    'blog/.#views.py',
    'blog/#views.py#',
    'blog/views.py___jb_tmp___',
    '.pytest_cache/v/cache',
    'run/mysite.sock',
    'django.pid',
  ])('never reloads for %s, which the site, a tool or an editor writes', (path) => {
    expect(filter(['**']).isWatched(path)).toBe(false);
  });

  it("never reloads for the daemon's own files", () => {
    const own = filter(['**'], ['/srv/site/run', '/srv/site/fcgi.out', '/var/log/other']);
    expect(own.isWatched('run/status.json')).toBe(false);
    expect(own.isWatched('fcgi.out')).toBe(false);
    expect(own.isWatched('running.py')).toBe(true);
  });

  it('does not enter directories that hold nothing of interest', () => {
    const blog = filter(['blog/**/*.py', '!blog/static/']);
    expect(blog.isEntered('blog')).toBe(true);
    expect(blog.isEntered('blog/sub')).toBe(true);
    expect(blog.isEntered('blog/static')).toBe(false);
    expect(blog.isEntered('media')).toBe(false);
    expect(blog.isEntered('blogs')).toBe(false);
    expect(filter(['a/b/*.py']).isEntered('a')).toBe(true);
    expect(filter(['*.py']).isEntered('.git')).toBe(false);
  });
});
