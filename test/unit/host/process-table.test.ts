import { describe, expect, test } from 'vitest';
import { isAlive, parseStat } from '../../../src/host/process-table.ts';

/** Fields 5 to 22 of a line, with the process group, … and the start time. */
const rest = '311 310 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 2 0 98765';

describe('a line of /proc/PID/stat', () => {
  test.each([
    ['plain', `312 (perl) S 300 ${rest} 12 34\n`],
    ['with spaces and parentheses in the name', `312 (a) S 1 (b c) S 300 ${rest} 12 34\n`],
    ['with a line end in the name', `312 (x\n1 (y)) S 300 ${rest} 12 34\n`],
  ])('%s', (_, line) => {
    expect(parseStat(line)).toEqual({
      pid: 312,
      parent: 300,
      session: 310,
      startTime: 98_765,
      state: 'S',
      threads: 2,
    });
  });

  test.each(['', '312', '312 (perl) S 300', 'x (perl) S 1 2 3'])(
    'that is damaged is no process: "%s"',
    (line) => {
      expect(parseStat(line)).toBeUndefined();
    },
  );
});

describe('a process is alive', () => {
  const row = { pid: 1, parent: 0, session: 1, startTime: 1, state: 'S', threads: 1 };

  test.each(['R', 'S', 'D', 'T', 't', 'I'])('in state %s', (state) => {
    expect(isAlive({ ...row, state })).toBe(true);
  });

  test.each(['Z', 'X'])('but not in state %s', (state) => {
    expect(isAlive({ ...row, state })).toBe(false);
  });

  test('when only its first thread has ended', () => {
    expect(isAlive({ ...row, state: 'Z', threads: 3 })).toBe(true);
  });
});
