import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../src/gateway/request-target.ts';

describe('a request target', () => {
  it.each([
    ['/', '/', ''],
    ['/a/b?x=1&y=%20', '/a/b', 'x=1&y=%20'],
    ['/a%20b/%C3%A9', '/a b/\xc3\xa9', ''],
    ['/a//b///c/', '/a/b/c/', ''],
    ['/a/./b/../c', '/a/c', ''],
    ['/a/b/..', '/a/', ''],
    ['/a/%2e%2e/b', '/b', ''],
    ['/a%2fb', '/a/b', ''],
    ['/q??a', '/q', '?a'],
    ['/page#part', '/page', ''],
    ['http://example.org/a?b', '/a', 'b'],
    ['http://example.org', '/', ''],
    ['http://example.org?x', '/', 'x'],
    ['//a', '/a', ''],
  ])('%s leads to %s', (text, path, query) => {
    expect(parseTarget(text)).toMatchObject({ path, query });
  });

  it('keeps what the client wrote as the URI, without the host', () => {
    expect(parseTarget('/a%20b?c')?.uri).toBe('/a%20b?c');
    expect(parseTarget('http://example.org/a%20b?c')?.uri).toBe('/a%20b?c');
  });

  it.each(['*', 'a', '/..', '/a/../../b', '/%2e%2e/etc/passwd', '/%', '/%4', '/%zz', '/a%00b'])(
    '%s is refused',
    (text) => {
      expect(parseTarget(text)).toBeUndefined();
    },
  );
});
