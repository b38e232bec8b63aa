import { describe, expect, test } from 'vitest';
import {
  parseForkServerMessage,
  prepareCommand,
  spawnCommand,
} from '../../../src/workers/fork-server-channel.ts';

const parse = (value: unknown) => parseForkServerMessage({ text: JSON.stringify(value), cutBytes: 0 });

describe('what a fork server says', () => {
  test.each([
    [{ event: 'ready', version: 2 }, { event: 'ready' }],
    [
      { event: 'load-failed', message: 'm', traceback: 't' },
      { event: 'load-failed', message: 'm', traceback: 't' },
    ],
    [
      { event: 'spawned', id: 0, pid: 812, later: true },
      { event: 'spawned', id: 0, pid: 812 },
    ],
    [
      { event: 'spawn-failed', id: 3, message: 'no memory' },
      { event: 'spawn-failed', id: 3, message: 'no memory' },
    ],
    [
      { event: 'exited', pid: 812, status: 9 },
      { event: 'exited', pid: 812, exit: { kind: 'signaled', signal: 'SIGKILL' } },
    ],
    [
      { event: 'exited', pid: 812, status: 0x80 | 11 },
      { event: 'exited', pid: 812, exit: { kind: 'signaled', signal: 'SIGSEGV' } },
    ],
    [
      { event: 'exited', pid: 812, status: 3 << 8 },
      { event: 'exited', pid: 812, exit: { kind: 'exited', code: 3 } },
    ],
    [
      { event: 'exited', pid: 812, status: null },
      { event: 'exited', pid: 812, exit: { kind: 'unknown' } },
    ],
    [
      { event: 'warning', message: 'threads' },
      { event: 'warning', message: 'threads' },
    ],
  ])('%j is taken', (said, message) => {
    expect(parse(said)).toEqual({ kind: 'message', message });
  });

  test.each([
    [{ event: 'ready' }, 'version undefined'],
    [{ event: 'ready', version: 1 }, 'only 2 is known'],
    [{ event: 'load-failed', message: 'm' }, 'lacks the texts'],
    [{ event: 'spawned', id: 1, pid: 1 }, 'lacks its numbers'],
    [{ event: 'spawned', id: -1, pid: 812 }, 'lacks its numbers'],
    [{ event: 'spawned', id: '1', pid: 812 }, 'lacks its numbers'],
    [{ event: 'spawn-failed', id: 1 }, 'lacks its number or text'],
    [{ event: 'exited', pid: 812 }, 'lacks its numbers'],
    [{ event: 'exited', pid: 812, status: 1.5 }, 'lacks its numbers'],
    [{ event: 'warning', message: 7 }, 'lacks its text'],
    [{ event: 'reboot' }, 'is not known'],
    [['ready'], 'is not an object'],
    [null, 'is not an object'],
  ])('%j is refused', (said, problem) => {
    expect(parse(said)).toEqual({ kind: 'refused', problem: expect.stringContaining(problem) });
  });
});

test('a command is one line', () => {
  expect(prepareCommand(8).toString()).toBe('{"command":"prepare","id":8}\n');
  expect(spawnCommand(7, 'site/1:ab').toString()).toBe('{"command":"spawn","id":7,"marker":"site/1:ab"}\n');
});
