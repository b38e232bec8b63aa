import { describe, expect, it } from 'vitest';
import type { Change } from '../../../src/triggers/event.ts';
import { dueMs, withActivity } from '../../../src/triggers/settle.ts';

const change = (file: string): Change => ({ cause: 'touch', file });

describe('a batch of changes', () => {
  it('is due when it was quiet for the quiet time', () => {
    const batch = withActivity(undefined, { nowMs: 1000, quietMs: 200 });
    expect(dueMs(batch, 10_000)).toBe(1200);
    expect(dueMs(withActivity(batch, { nowMs: 1150, quietMs: 200 }), 10_000)).toBe(1350);
  });

  it('is due at the latest after the longest wait, however busy the writer', () => {
    let batch = withActivity(undefined, { nowMs: 0, quietMs: 200 });
    for (let nowMs = 100; nowMs < 5000; nowMs += 100) batch = withActivity(batch, { nowMs, quietMs: 200 });
    expect(dueMs(batch, 3000)).toBe(3000);
  });

  it('waits for the source with the longer quiet time, whichever came last', () => {
    const tree = withActivity(undefined, { nowMs: 0, quietMs: 500 });
    expect(dueMs(withActivity(tree, { nowMs: 10, quietMs: 200 }), 10_000)).toBe(500);
  });

  it('holds every file once, in the order they were seen', () => {
    const first = withActivity(undefined, { nowMs: 0, quietMs: 1, changes: [change('b'), change('a')] });
    const second = withActivity(first, { nowMs: 1, quietMs: 1, changes: [change('a'), change('c')] });
    expect(second.changes.map(({ file }) => file)).toEqual(['b', 'a', 'c']);
  });

  it('is empty while there were only hints', () => {
    expect(withActivity(undefined, { nowMs: 0, quietMs: 1 }).changes).toEqual([]);
  });
});
