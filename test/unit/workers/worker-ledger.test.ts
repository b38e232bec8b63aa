import { expect, test } from 'vitest';
import { parseLedger } from '../../../src/workers/worker-ledger.ts';

const entry = { pid: 12, startTime: 34, pool: 'site', marker: 'site/1:0123456789abcdef' };
const parse = (...workers: readonly unknown[]) => parseLedger(JSON.stringify({ workers }));

test('a ledger is read back, without what it does not know', () => {
  expect(parse(entry, { ...entry, pid: 13, colour: 'blue' })).toEqual([entry, { ...entry, pid: 13 }]);
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
