import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  formatMode,
  formatSize,
  parseDuration,
  parseMode,
  parseSignal,
  parseSize,
} from '../../../src/config/units.ts';

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1h30m', 5_400_000],
    ['30', 30_000],
    ['0.25', 250],
    ['0', 0],
  ])('%s is %i ms', (text, expectedMs) => {
    expect(parseDuration(text)).toBe(expectedMs);
  });

  it.each(['', 's', '-1s', '5 minutes', '5M', '1e3', 'NaN', 'Infinity', '1s2', '5m ago'])(
    'is not %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow(SyntaxError);
    },
  );

  it.each([0, 1, 999, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000])(
    'of %i ms is read back',
    (durationMs) => {
      expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
    },
  );
});

describe('a size', () => {
  it.each([
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['1K', 1024],
    ['1.5 KiB', 1536],
    ['200M', 209_715_200],
    ['200MB', 209_715_200],
    ['1G', 1_073_741_824],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'M', '-1M', '1T', '1m', '1,5G', '1 2'])('is not %j', (text) => {
    expect(() => parseSize(text)).toThrow(SyntaxError);
  });

  it.each([
    [0, '0'],
    [1_023, '1023'],
    [1_024, '1K'],
    [1_536, '1536'],
    [209_715_200, '200M'],
    [2_147_483_648, '2G'],
  ])('of %i bytes is written %s, and read back', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
    expect(parseSize(text)).toBe(bytes);
  });
});

describe('a mode', () => {
  it.each([
    ['0660', 0o660],
    ['660', 0o660],
    ['0o660', 0o660],
    ['0', 0],
    ['777', 0o777],
  ])('%s is octal', (text, bits) => {
    expect(parseMode(text)).toBe(bits);
    expect(parseMode(formatMode(bits))).toBe(bits);
  });

  it.each(['', '0888', '4755', '07777', 'rw-rw----', '0x1f'])('is not %j', (text) => {
    expect(() => parseMode(text)).toThrow(SyntaxError);
  });
});

describe('a signal', () => {
  it.each(['TERM', 'SIGTERM', 'term', 'SigTerm'])('may be written %s', (text) => {
    expect(parseSignal(text)).toBe('SIGTERM');
  });

  it.each(['KILL', 'QUIT', 'USR1', 'INT', 'HUP'])('may be %s', (text) => {
    expect(parseSignal(text)).toBe(`SIG${text}`);
  });

  it.each(['', 'SIG', '15', 'TERMINATE', 'STOP', 'CONT', 'constructor'])('is not %j', (text) => {
    expect(() => parseSignal(text)).toThrow(SyntaxError);
  });
});
