import { describe, expect, test } from 'vitest';
import type { ProcessRow, ProcessTable } from '../../../src/host/process-table.ts';
import { killAll, type TreeQuery, treeMembers } from '../../../src/workers/process-tree.ts';

const daemon = 100;
const root = { pid: 200, startTime: 50 };

function row(pid: number, parent: number, changes: Partial<ProcessRow> = {}): ProcessRow {
  return { pid, parent, session: 1, startTime: 60, state: 'S', threads: 1, ...changes };
}

function members(rows: readonly ProcessRow[], query: Partial<TreeQuery> = {}): readonly number[] {
  const table: ProcessTable = new Map(rows.map((each) => [each.pid, each]));
  const asked = { root, known: [], adopter: daemon, isMarked: () => false, ...query };
  return treeMembers(table, asked).map(({ pid }) => pid);
}

const init = row(1, 0);
const ours = row(daemon, 1, { startTime: 40 });
const worker = row(200, daemon, { startTime: 50, session: 200 });

describe('the tree of a worker', () => {
  test('is the worker and its descendants, in whatever process group or session', () => {
    const rows = [
      init,
      ours,
      worker,
      row(201, 200, { session: 200 }),
      row(202, 201, { session: 202 }),
      row(203, 202),
    ];
    expect(members(rows)).toEqual([200, 201, 202, 203]);
  });

  test('does not include strangers, the daemon, or other workers', () => {
    expect(
      members([init, ours, worker, row(300, daemon, { session: 300 }), row(301, 1), row(302, 300)]),
    ).toEqual([200]);
  });

  test('includes orphans of its session after the worker is gone', () => {
    expect(members([init, ours, row(201, daemon, { session: 200 }), row(202, 201)])).toEqual([201, 202]);
  });

  test('includes an orphan that left the session and carries the mark, and its descendants', () => {
    const rows = [
      init,
      ours,
      row(201, daemon, { session: 201 }),
      row(202, 201),
      row(301, daemon, { session: 301 }),
    ];
    expect(members(rows, { isMarked: ({ pid }) => pid === 201 })).toEqual([201, 202]);
  });

  test('does not ask for the mark of processes that others have adopted', () => {
    expect(members([init, ours, row(201, 1)], { isMarked: () => true })).toEqual([]);
  });

  test('includes children of members that an earlier look has seen and that are gone by now', () => {
    expect(members([init, ours, row(203, 202)], { known: [{ pid: 202, startTime: 60 }] })).toEqual([203]);
  });

  test('leaves out a process that has got the number of a member', () => {
    const known = [{ pid: 202, startTime: 60 }];
    expect(members([init, ours, row(202, 1, { startTime: 99 }), row(203, 202)], { known })).toEqual([]);
  });

  test('leaves out a worker that has got the number of this one, with its session', () => {
    const reused = row(200, daemon, { startTime: 99, session: 200 });
    expect(members([init, ours, reused, row(204, 200, { startTime: 99, session: 200 })])).toEqual([]);
  });

  test('leaves out what is older than the worker, whatever its session number', () => {
    expect(members([init, ours, worker, row(150, 1, { startTime: 49, session: 200 })])).toEqual([200]);
  });

  test('is found in a chain of 50,000 generations', () => {
    const chain = Array.from({ length: 50_000 }, (_, index) => row(201 + index, 200 + index));
    expect(members([init, ours, worker, ...chain])).toHaveLength(50_001);
  });
});

test('killing looks again until nobody new appears, and counts those that were hit once', () => {
  const looks = [[1], [1, 2], [2, 3], [3], [9]].map((starts) =>
    starts.map((startTime) => row(7, 1, { startTime })),
  );
  const sent: number[] = [];
  const signal = ({ startTime }: { readonly startTime: number }) => {
    sent.push(startTime);
    return startTime === 2 ? ('gone' as const) : ('sent' as const);
  };
  expect(killAll(() => looks.shift() ?? [], signal)).toBe(2);
  expect(sent).toEqual([1, 2, 3]);
  expect(looks).toHaveLength(1);
});

test('killing looks again behind somebody who has just ended, and may have forked while the table was read', () => {
  const [one, two, three] = [1, 2, 3].map((startTime) => row(7, 1, { startTime, state: 'Z' }));
  const looks = [[one], [one, two], [one, two, row(8, 1)], [one, two, three], [one, two, three]];
  const sent: number[] = [];
  const look = () => (looks.shift() ?? []).flatMap((each) => each ?? []);
  const signal = ({ pid }: { readonly pid: number }) => {
    sent.push(pid);
    return 'sent' as const;
  };
  expect(killAll(look, signal)).toBe(1);
  expect([sent, looks]).toEqual([[8], []]);
});

test('killing ends although a fork bomb always shows somebody new', () => {
  let startTime = 0;
  expect(
    killAll(
      () => [row(7, 1, { startTime: startTime++ })],
      () => 'sent',
    ),
  ).toBe(50);
});
