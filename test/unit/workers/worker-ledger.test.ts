import { expect, test } from 'vitest';
import { isOfFamily, markerFamily, newMarker, poolOf } from '../../../src/workers/marker.ts';
import { parseLedger } from '../../../src/workers/worker-ledger.ts';

const entry = { pid: 12, startTime: 34, pool: 'site', marker: 'site/1:0123456789abcdef' };
const parse = (...workers: readonly unknown[]) => parseLedger(JSON.stringify({ workers }));

test('a ledger is read back, without what it does not know', () => {
  const workers = [entry, { ...entry, pid: 13 }];
  expect(parse(entry, { ...entry, pid: 13, colour: 'blue' })).toEqual({ family: undefined, workers });
});

test('a ledger of nobody names what all would have', () => {
  const text = '{"family":"0123456789abcdef","workers":[]}';
  expect(parseLedger(text)).toEqual({ family: '0123456789abcdef', workers: [] });
});

test.each(['', '0123456789abcde', '0123456789abcdeg', 7, null, ['0123456789abcdef']])(
  'what others could have by chance, or on purpose, is no family: %j',
  (family) => {
    expect(() => parseLedger(JSON.stringify({ family, workers: [entry] }))).toThrow(SyntaxError);
  },
);

test('markers of one daemon are of one family, each is another, and a longer name has the longer one', () => {
  const [one, other, longer] = [newMarker('site/1'), newMarker('site/1'), newMarker('site/fork-server')];
  expect(new Set([one, other, longer]).size).toBe(3);
  for (const marker of [one, other, longer]) expect(isOfFamily(marker, markerFamily())).toBe(true);
  expect(isOfFamily(one, '0123456789abcdef')).toBe(false);
  expect(isOfFamily(`${markerFamily()}:0123456789abcdef`, markerFamily())).toBe(false);
  // It is overwritten in place with that of the worker that is forked.
  expect(longer.length).toBeGreaterThan(one.length);
  expect([one, longer].map(poolOf)).toEqual(['site', 'site']);
});

test.each([
  [{ pid: '12' }],
  [{ pid: 1 }],
  [{ pid: 0 }],
  [{ pid: -12 }],
  [{ pid: 1.5 }],
  [{ pid: null }],
  [{ startTime: -1 }],
  [{ startTime: undefined }],
  [{ pool: 7 }],
  [{ marker: '' }],
  [{ marker: 'site/1' }],
  [{ marker: 'site/1:short' }],
  [{ marker: ['site/1:0123456789abcdef'] }],
])('one damaged entry makes the whole ledger unbelievable: %j', (change) => {
  expect(() => parse(entry, { ...entry, ...change })).toThrow(SyntaxError);
});

test.each(['', '{', 'null', '7', '[]', '{}', '{"workers":null}'])('no ledger: %s', (text) => {
  expect(() => parseLedger(text)).toThrow(SyntaxError);
});
