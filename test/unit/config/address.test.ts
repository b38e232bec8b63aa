import { describe, expect, it } from 'vitest';
import {
  formatAddress,
  isOneSocket,
  parseAddress,
  parseListenAddress,
  sameAddress,
} from '../../../src/config/address.ts';
import { collides } from '../../../src/plan/listen.ts';

describe('an address to listen on', () => {
  it.each([
    ['unix:/run/app.sock', 'unix:/run/app.sock', false],
    ['app.sock/../b.sock', 'unix:/srv/b.sock', false],
    ['unix:@site', 'unix:@site', true],
    ['unix:@a/b c', 'unix:@a/b c', true],
    ['[::1]:9000', '[::1]:9000', false],
    ['*:9000', '0.0.0.0:9000', false],
    ['systemd:web', 'systemd:web', true],
    ['systemd:runfcgid.socket', 'systemd:runfcgid.socket', true],
    ['systemd:a/b c', 'systemd:a/b c', true],
    ['systemd:web:1', 'systemd:web:1', true],
    ['fd:0', 'fd:0', true],
  ])('%s is read, written as %s, and read back', (text, written, isOne) => {
    const address = parseListenAddress(text, '/srv');
    expect(formatAddress(address)).toBe(written);
    expect(parseListenAddress(written, '/')).toEqual(address);
    expect(sameAddress(parseListenAddress(written, '/'), address)).toBe(true);
    expect(isOneSocket(address)).toBe(isOne);
  });

  it.each([
    ['unix:@', 'a name after "unix:@"'],
    ['unix:@a\0b', 'NUL'],
    ['systemd:', 'expected systemd:NAME'],
    ['systemd:a:b', 'expected systemd:NAME'],
    ['systemd:a\n', 'expected systemd:NAME'],
    ['systemd:é', 'expected systemd:NAME'],
    [`systemd:${'x'.repeat(256)}`, 'expected systemd:NAME'],
    ['fd:3', 'expected fd:0'],
    ['fd:', 'expected fd:0'],
  ])('%j is refused', (text, why) => {
    expect(() => parseListenAddress(text, '/')).toThrow(why);
  });

  it('that is inherited cannot be connected to', () => {
    for (const text of ['systemd:web', 'fd:0']) expect(() => parseAddress(text, '/')).toThrow(SyntaxError);
  });

  it.each([
    ['systemd:web', 'systemd:web', true],
    ['systemd:web', 'systemd:web:1', true],
    ['systemd:web:0', 'systemd:web:1', false],
    ['systemd:web', 'systemd:api', false],
    ['fd:0', 'fd:0', true],
    ['fd:0', 'systemd:web', false],
    ['unix:@a', 'unix:/a', false],
    ['unix:@a', 'unix:@a', true],
  ])('%s and %s: in the way of each other: %s', (one, other, expected) => {
    expect(collides(parseListenAddress(one, '/'), parseListenAddress(other, '/'))).toBe(expected);
    expect(collides(parseListenAddress(other, '/'), parseListenAddress(one, '/'))).toBe(expected);
  });
});
