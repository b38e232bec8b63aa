import { describe, expect, it } from 'vitest';
import { differences, type Fingerprint, hasTreeChanged } from '../../../src/triggers/fingerprint.ts';

const watch = {};

function fingerprint(files: Record<string, string | undefined>, tree?: Fingerprint['tree']): Fingerprint {
  return { files: new Map(Object.entries(files)), tree };
}

describe('a generation that remembers its trigger files', () => {
  it.each([
    { case: 'is unchanged', earlier: { a: '1' }, now: { a: '1' }, expected: [] },
    { case: 'was touched', earlier: { a: '1', b: '1' }, now: { a: '1', b: '2' }, expected: ['b'] },
    { case: 'appeared', earlier: { a: undefined }, now: { a: '1' }, expected: ['a'] },
    { case: 'vanished', earlier: { a: '1' }, now: { a: undefined }, expected: [] },
    { case: 'was not known then', earlier: {}, now: { a: '1' }, expected: [] },
    { case: 'is no trigger file any more', earlier: { a: '1' }, now: {}, expected: [] },
  ])('sees whether one $case', ({ earlier, now, expected }) => {
    const changes = differences(fingerprint(earlier), fingerprint(now));
    expect(changes.map(({ file }) => file)).toEqual(expected);
  });

  it.each([
    { case: 'nothing happened', now: { watch, count: 3, isHinted: false }, expected: false },
    { case: 'changes were found', now: { watch, count: 4, isHinted: false }, expected: true },
    { case: 'a hint was not followed yet', now: { watch, count: 3, isHinted: true }, expected: true },
    { case: 'it is another watch', now: { watch: {}, count: 9, isHinted: true }, expected: false },
    { case: 'nothing is watched any more', now: undefined, expected: false },
  ])('sees whether its tree changed: $case', ({ now, expected }) => {
    const earlier = fingerprint({}, { watch, count: 3, isHinted: false });
    expect(hasTreeChanged(earlier, fingerprint({}, now))).toBe(expected);
  });
});
