import { describe, expect, it } from 'vitest';
import { parseCover, parseGlob } from '../../../src/triggers/glob.ts';

describe('a pattern', () => {
  it.each([
    ['**/*.py', 'views.py', true],
    ['**/*.py', 'blog/sub/views.py', true],
    ['**/*.py', 'views.pyc', false],
    ['*.py', 'blog/views.py', true],
    ['/*.py', 'views.py', true],
    ['/*.py', 'blog/views.py', false],
    ['blog/*.py', 'blog/views.py', true],
    ['blog/*.py', 'blog/sub/views.py', false],
    ['blog/*.py', 'my/blog/views.py', false],
    ['./blog/*.py', 'blog/views.py', true],
    ['blog/**/*.py', 'blog/views.py', true],
    ['blog/**/*.py', 'blog/a/b/views.py', true],
    ['templates/', 'blog/templates/a.html', true],
    ['templates/', 'blog/templates.html', false],
    ['/templates/', 'blog/templates/a.html', false],
    ['migrations/**', 'migrations/0001.py', true],
    ['migrations/**', 'blog/migrations/0001.py', false],
    ['**/migrations/**', 'blog/migrations/0001.py', true],
    ['*.{py,html}', 'a/b.html', true],
    ['*.{py,html}', 'a/b.css', false],
    ['v?.py', 'v1.py', true],
    ['v?.py', 'v/.py', false],
    ['v[0-9].py', 'v7.py', true],
    ['v[!0-9].py', 'v7.py', false],
    ['a+(b).py', 'a+(b).py', true],
    ['a.py', 'aXpy', false],
    ['{a.py', '{a.py', true],
    ['**', 'any/thing', true],
    ['*.py', 'a\n.py', true],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(parseGlob(pattern).matches(path)).toBe(expected);
  });

  it.each([
    ['vendor', 'a/vendor/b/c.py', true],
    ['vendor', 'a/vendor', true],
    ['vendor', 'a/vendors', false],
    ['migrations/**', 'migrations', true],
    ['blog/', 'blog', true],
  ])('%s that excludes covers what is below: %s: %s', (pattern, path, expected) => {
    expect(parseCover(pattern).matches(path)).toBe(expected);
  });

  it.each([
    ['**/*.py', ''],
    ['*.py', ''],
    ['blog/**/*.py', 'blog'],
    ['blog/sub/*.py', 'blog/sub'],
    ['blog/s*/x/*.py', 'blog'],
    ['migrations/**', 'migrations'],
    ['/views.py', ''],
  ])('%s looks only below "%s"', (pattern, base) => {
    expect(parseGlob(pattern).base).toBe(base);
  });

  it.each(['', '/', './', '[z-a].py'])('"%s" is refused with the pattern and what to write', (pattern) => {
    expect(() => parseGlob(pattern)).toThrowError(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: `"${pattern}" is not a pattern for files`,
        hint: expect.stringContaining('.gitignore'),
      }),
    );
  });
});
