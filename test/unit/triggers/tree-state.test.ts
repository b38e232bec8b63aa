import { describe, expect, it } from 'vitest';
import type { TreeScan } from '../../../src/triggers/tree-scan.ts';
import { TreeState } from '../../../src/triggers/tree-state.ts';

function scan(files: Record<string, string>, unreadable: readonly string[] = [], root = 'root'): TreeScan {
  const reading = { inode: '1:1', files: new Map(Object.entries(files)), directories: [] };
  return {
    root,
    readings: new Map([['', reading]]),
    unreadable: new Map(unreadable.map((path) => [path, 'EACCES'])),
  };
}

describe('a tree that is looked at again', () => {
  it('has not changed at the first look', () => {
    expect(new TreeState().update(scan({ 'a.py': '1' }))).toEqual([]);
  });

  it.each([
    { what: 'nothing', now: scan({ 'a.py': '1', 'b/b.py': '1' }), expected: [] },
    { what: 'a written file', now: scan({ 'a.py': '2', 'b/b.py': '1' }), expected: ['a.py'] },
    { what: 'a new file', now: scan({ 'a.py': '1', 'b/b.py': '1', 'c.py': '1' }), expected: ['c.py'] },
    { what: 'a removed file', now: scan({ 'a.py': '1' }), expected: ['b/b.py'] },
    { what: 'a file it cannot see now', now: scan({ 'a.py': '1' }, ['b']), expected: [] },
    { what: 'another root', now: scan({ 'a.py': '1', 'b/b.py': '1' }, [], 'other'), expected: [''] },
    { what: 'a missing tree', now: undefined, expected: [] },
  ])('shows $what', ({ now, expected }) => {
    const state = new TreeState();
    state.update(scan({ 'a.py': '1', 'b/b.py': '1' }));
    expect(state.update(now)).toEqual(expected);
  });

  it('is compared with what it was before it was missing or could not be read', () => {
    const state = new TreeState();
    state.update(scan({ 'a.py': '1', 'b/b.py': '1' }));
    state.update(undefined);
    state.update(scan({ 'a.py': '1' }, ['b']));
    expect(state.update(scan({ 'a.py': '1', 'b/b.py': '2' }))).toEqual(['b/b.py']);
  });

  it('that was missing at first has changed when it appears', () => {
    const state = new TreeState();
    expect(state.update(undefined)).toEqual([]);
    expect(state.update(scan({ 'a.py': '1' }))).toEqual(['', 'a.py']);
  });
});
