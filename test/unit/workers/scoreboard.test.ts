import { describe, expect, test } from 'vitest';
import { parseSlots, type Times } from '../../../src/workers/scoreboard.ts';
import { generator } from '../../helpers/random.ts';

const times: Times = { nowSeconds: 100, longestMs: 60_000 };

interface Bytes {
  readonly number?: bigint;
  readonly last?: bigint;
  readonly state?: bigint;
  readonly bytes?: bigint;
  readonly start?: number;
  readonly text?: string;
}

function slot({
  number = 3n,
  last = number,
  state = 2n,
  bytes = 10n,
  start = 98.5,
  text = '',
}: Bytes): Buffer {
  const buffer = Buffer.alloc(512);
  buffer.writeBigUInt64LE(number, 0);
  buffer.writeBigUInt64LE(state, 8);
  buffer.writeBigUInt64LE(bytes, 16);
  buffer.writeDoubleLE(start, 24);
  buffer.write(text, 32, 328, 'utf8');
  buffer.writeBigUInt64LE(last, 504);
  return buffer;
}

const file = (...slots: readonly Buffer[]): Buffer => Buffer.concat([Buffer.alloc(64), ...slots]);

/** What is seen when nothing changes between the readings. */
const parse = (...slots: readonly Buffer[]) => {
  const bytes = file(...slots);
  return parseSlots([bytes, bytes, bytes], times);
};

test('a busy thread shows its request, an idle one and one that never began how many there were', () => {
  const busy = slot({ text: '192.0.2.1\0POST\0/a?b=c' });
  expect(parse(busy, slot({ state: 1n, number: 9n }), Buffer.alloc(512))).toEqual([
    {
      number: 3,
      request: { method: 'POST', uri: '/a?b=c', remote: '192.0.2.1', ageMs: 1_500, bytes: 10 },
    },
    { number: 9, request: undefined },
    { number: 0, request: undefined },
  ]);
});

describe('a slot that is being written', () => {
  const before = file(slot({ number: 3n, text: '\0GET\0/old' }));
  const after = file(slot({ number: 4n, text: '\0GET\0/new' }));

  test('is told from a whole one when it changed between the readings', () => {
    expect(parseSlots([before, after, after], times)).toEqual([undefined]);
    expect(parseSlots([before, before, after], times)).toEqual([undefined]);
  });

  test('is told from a whole one when its writing was only seen to begin, or to end', () => {
    const begun = file(slot({ number: 4n, last: 3n }));
    expect(parseSlots([begun, begun, begun], times)).toEqual([undefined]);
    expect(parseSlots([before, begun, begun], times)).toEqual([undefined]);
    expect(parseSlots([begun, after, after], times)).toEqual([undefined]);
  });
});

describe('a worker that writes rubbish', () => {
  test('has no texts that do something to a terminal, and none longer than they may be', () => {
    const text = `\u0001${'x'.repeat(60)}\0G\u001b[31mET${'T'.repeat(20)}\0/\u00c3\u00a9\u00e2\u0080\u00ae\n${'u'.repeat(300)}`;
    const request = parse(slot({ text }))[0]?.request;
    expect(request?.remote).toBe(`\u{fffd}${'x'.repeat(47)}`);
    expect(request?.method).toBe('G\u{fffd}[31mETTTTTTTTT');
    expect(request?.uri.slice(0, 4)).toBe('/é\u{fffd}\u{fffd}');
    expect(parse(slot({ text: `\0GET\0/${'u'.repeat(300)}` }))[0]?.request?.uri).toHaveLength(256);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 101])(
    'has no request that began at %s',
    (start) => {
      expect(parse(slot({ start }))[0]?.request?.ageMs).toBe(0);
    },
  );

  test('has no request that is older than its process', () => {
    expect(parse(slot({ start: -1e300 }))[0]?.request?.ageMs).toBe(60_000);
  });

  test('has no numbers that are none', () => {
    const huge = 2n ** 64n - 1n;
    expect(parse(slot({ number: huge, bytes: huge }))).toMatchObject([{ number: 0, request: { bytes: 0 } }]);
  });

  test('ends nothing with whatever bytes', () => {
    const random = generator(7);
    for (let round = 0; round < 500; round += 1) {
      const length = Math.floor(random() * 1_700);
      const bytes = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
      const shorter = bytes.subarray(0, Math.floor(random() * length));
      parseSlots([bytes, bytes, bytes], times);
      expect(parseSlots([bytes, shorter, bytes], times).length).toBeLessThanOrEqual(4);
    }
  });
});

test('of a file that is too short nothing is read', () => {
  for (const length of [0, 10, 64, 575]) {
    const bytes = Buffer.alloc(length);
    expect(parseSlots([bytes, bytes, bytes], times)).toEqual([]);
  }
});
