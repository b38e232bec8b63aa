import { describe, expect, it } from 'vitest';
import { areNameValuePairs, encodePairs } from '../../../src/probes/name-value-pairs.ts';

describe('name-value pairs', () => {
  it('take one byte for a length up to 127 and four beyond', () => {
    expect(encodePairs([['A', 'bc']])).toEqual(Buffer.from('\x01\x02Abc', 'latin1'));
    const long = encodePairs([['A', 'x'.repeat(128)]]);
    expect(long.subarray(0, 6)).toEqual(Buffer.from('\x01\x80\x00\x00\x80A', 'latin1'));
    expect(encodePairs([['A', 'x'.repeat(127)]]).subarray(0, 3)).toEqual(Buffer.from('\x01\x7fA', 'latin1'));
  });

  it('carry text as UTF-8 and bytes as they are', () => {
    expect(encodePairs([['É', 'é']])).toEqual(Buffer.from('\x02\x02\xc3\x89\xc3\xa9', 'latin1'));
    expect(encodePairs([['A', Buffer.of(0xe9)]])).toEqual(Buffer.from('\x01\x01A\xe9', 'latin1'));
  });

  it('are recognised when whole, and at no length when cut', () => {
    const whole = encodePairs([
      ['FCGI_MAX_CONNS', '10'],
      ['EMPTY', ''],
      ['LONG', 'x'.repeat(300)],
    ]);
    expect(areNameValuePairs(whole)).toBe(true);
    expect(areNameValuePairs(Buffer.alloc(0))).toBe(true);
    const ends = new Set([0, 18, 25, whole.length]);
    for (let length = 0; length <= whole.length; length += 1) {
      expect(areNameValuePairs(whole.subarray(0, length)), `${length} bytes`).toBe(ends.has(length));
    }
  });
});
