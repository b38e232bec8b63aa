import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { LineSplitter, type OutputLine, showLine } from '../../../src/workers/lines.ts';
import { longestLogLine, readLines } from '../../../src/workers/output.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

/** Puts the bytes through a splitter in chunks of `size` bytes. */
function split(bytes: Buffer, size: number, longest = longestLogLine): readonly OutputLine[] {
  const splitter = new LineSplitter(longest);
  const lines: OutputLine[] = [];
  for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.push(bytes.subarray(at, at + size)));
  return [...lines, ...splitter.end()];
}

const texts = (lines: readonly OutputLine[]): readonly string[] => lines.map(({ text }) => text);

describe('bytes become lines', () => {
  const text = 'plain\nGrüße, 日本, 🎉\r\n\nlone \r return\nunfinished 🎉';
  const expected = ['plain', 'Grüße, 日本, 🎉', '', 'lone \r return', 'unfinished 🎉'];

  test.each([1, 2, 3, 4, 5, 7, 64, 1_000])('whatever the chunks: %i bytes', (size) => {
    expect(texts(split(Buffer.from(text), size))).toEqual(expected);
  });

  test('a line that ends with its line end is not followed by an empty one', () => {
    expect(texts(split(Buffer.from('one\n'), 2))).toEqual(['one']);
  });

  test('bytes that are not UTF-8 are replaced, and spoil no other line', () => {
    expect(texts(split(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xc3, 0x0a, 0x63, 0x0a]), 1))).toEqual([
      'a\uFFFDb',
      '\uFFFD',
      'c',
    ]);
  });
});

describe('a line that is too long', () => {
  test.each([1, 7, 100_000])(
    'is cut at the limit and tells how much is missing, in chunks of %i bytes',
    (size) => {
      const lines = split(Buffer.from(`${'x'.repeat(10_000)}\nnext\n`), size);
      expect(lines).toEqual([
        { text: 'x'.repeat(8_192), cutBytes: 1_808 },
        { text: 'next', cutBytes: 0 },
      ]);
      expect(showLine(lines[0] as OutputLine)).toMatch(/x … \(1808 more bytes cut\)$/);
    },
  );

  test('of exactly the limit is whole', () => {
    expect(split(Buffer.from('abcd\n'), 1, 4)).toEqual([{ text: 'abcd', cutBytes: 0 }]);
  });

  test.each([
    ['é', 3],
    ['日', 4],
    ['日', 3],
    ['🎉', 5],
    ['🎉', 4],
    ['🎉', 3],
  ])('is not cut in the middle of %s (limit %i)', (character, longest) => {
    const [line] = split(Buffer.from(`ab${character}${character}\n`), 1, longest);
    expect(line?.text).toBe('ab');
    expect(line?.cutBytes).toBe(2 * Buffer.byteLength(character));
  });

  test('is cut behind a whole character', () => {
    expect(split(Buffer.from('a日b\n'), 1, 4)).toEqual([{ text: 'a日', cutBytes: 1 }]);
  });

  test('without an end is not hoarded', () => {
    const splitter = new LineSplitter(1_024);
    const chunk = Buffer.alloc(1 << 20, 'x');
    for (let round = 0; round < 64; round += 1) expect([...splitter.push(chunk)]).toEqual([]);
    expect(splitter.end()).toEqual([{ text: 'x'.repeat(1_024), cutBytes: 64 * (1 << 20) - 1_024 }]);
  });
});

describe('a stream', () => {
  test('is read to its end, last line included', async () => {
    const lines: string[] = [];
    const stream = Readable.from([Buffer.from('one\ntw'), Buffer.from('o')]);
    await readLines({ stream, longest: 100, clock: new FakeClock(), onLine: ({ text }) => lines.push(text) });
    expect(lines).toEqual(['one', 'two']);
  });

  test('that breaks ends like any other', async () => {
    const stream = new Readable({ read: () => undefined });
    const end = readLines({ stream, longest: 100, clock: new FakeClock(), onLine: () => undefined });
    stream.destroy(new Error('EIO'));
    await end;
  });

  test('that floods is left to wait, and goes on where it was', async () => {
    const clock = new FakeClock();
    const stream = new Readable({ read: () => undefined });
    let lines = 0;
    const end = readLines({ stream, longest: 100, clock, onLine: () => (lines += 1) });
    for (let round = 0; round < 10; round += 1) stream.push(Buffer.from('x\n'.repeat(32_768)));
    stream.push(null);
    await settled();
    expect(lines).toBe(4 * 32_768);
    expect(stream.isPaused()).toBe(true);
    await clock.advance(10);
    await settled();
    expect(lines).toBe(8 * 32_768);
    await clock.advance(10);
    await end;
    expect(lines).toBe(10 * 32_768);
  });

  test('whose lines take long is left to wait twice as long as they took, in the middle of a chunk', async () => {
    const clock = new FakeClock();
    const stream = new Readable({ read: () => undefined });
    let lines = 0;
    const onLine = (): void => {
      lines += 1;
      void clock.advance(1);
    };
    let hasEnded = false;
    const end = readLines({ stream, longest: 100, clock, onLine }).then(() => {
      hasEnded = true;
    });
    stream.push(Buffer.from(`${'\n'.repeat(100)}last`));
    stream.push(null);
    await settled();
    expect(lines).toBe(32);
    await clock.advance(63);
    await settled();
    expect([lines, hasEnded]).toEqual([32, false]);
    await clock.advance(1);
    expect(lines).toBe(64);
    for (let round = 0; round < 3; round += 1) await clock.advance(1_000);
    await end;
    expect(lines).toBe(101);
  });

  test('that is busy but leaves pauses is never slowed', async () => {
    const clock = new FakeClock();
    const stream = new Readable({ read: () => undefined });
    const end = readLines({ stream, longest: 2_000, clock, onLine: () => undefined });
    for (let round = 0; round < 10; round += 1) {
      stream.push(Buffer.from(`${'x'.repeat(1_023)}\n`.repeat(128)));
      await settled();
      expect(stream.isPaused()).toBe(false);
      await clock.advance(11);
    }
    stream.push(null);
    await end;
    expect(clock.pending).toBe(0);
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
