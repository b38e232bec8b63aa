import { describe, expect, it } from 'vitest';
import type { Action, Observed, ObservedGeneration } from '../../../src/pools/observation.ts';
import { reconcile } from '../../../src/pools/reconcile.ts';
import type { WorkerStateName } from '../../../src/status/snapshot.ts';

function states(count: number, state: WorkerStateName = 'ready'): readonly WorkerStateName[] {
  return Array.from({ length: count }, () => state);
}

function generation(changes: Partial<ObservedGeneration>): ObservedGeneration {
  const { workers = states(4) } = changes;
  return {
    number: 1,
    phase: 'live',
    workers,
    successors: [],
    present: workers.length,
    isShared: false,
    isExclusive: false,
    hasQueued: () => false,
    isDrained: false,
    drainDeadlineMs: undefined,
    ...changes,
  };
}

function actions(
  generations: readonly ObservedGeneration[],
  changes: Partial<Observed> = {},
): readonly Action[] {
  return decide(generations, changes).actions;
}

function decide(generations: readonly ObservedGeneration[], changes: Partial<Observed> = {}) {
  return reconcile({
    nowMs: 0,
    intent: 'run',
    wanted: 4,
    surge: 4,
    isReloadWanted: false,
    isOutdated: () => false,
    isIntensityExceeded: false,
    mayReloadAtMs: 0,
    retryAtMs: undefined,
    drainByMs: undefined,
    generations,
    ...changes,
  });
}

const yielding = (workers: readonly WorkerStateName[], changes: Partial<ObservedGeneration> = {}) =>
  generation({ number: 1, phase: 'yielding', workers, ...changes });
const live = (workers: readonly WorkerStateName[]) => generation({ number: 3, workers });
const retireOne = [{ do: 'retire-one', generation: 1 }];

describe('a candidate whose workers are ready', () => {
  it.each([
    ['gets the address', false, 'switch-to'],
    ['starts once more on shared sockets', true, 'join'],
  ])('%s', (_, isShared, expected) => {
    const candidate = generation({ number: 2, phase: 'proving', workers: ['ready'], isShared });
    expect(actions([generation({}), candidate])).toEqual([{ do: expected, generation: 2 }]);
  });
});

describe('a generation that yields', () => {
  it('keeps its workers until there is a ready one too many', () => {
    expect(actions([yielding(states(4)), live(states(4, 'starting'))])).toEqual([]);
    expect(actions([yielding(states(4)), live(['ready', ...states(3, 'starting')])])).toEqual(retireOne);
    expect(actions([yielding(states(3)), live(['ready', ...states(3, 'starting')])])).toEqual([]);
    expect(actions([yielding(states(1)), live(states(4))])).toEqual(retireOne);
  });

  it('does not wait for one worker to leave before the next may, where there are enough new ones', () => {
    expect(actions([yielding(states(2), { present: 4 }), live(states(4))])).toEqual(retireOne);
  });

  it('lets workers go that are not ready: they would come back with other code', () => {
    const starting = states(4, 'starting');
    expect(actions([yielding(['ready', 'backoff'], { present: 1 }), live(starting)])).toEqual(retireOne);
    expect(actions([yielding(['starting']), live(starting)])).toEqual(retireOne);
  });

  it('goes before a younger one', () => {
    const younger = yielding(states(4), { number: 2 });
    expect(actions([yielding(states(2)), younger, live(['ready', ...states(3, 'starting')])])).toEqual(
      retireOne,
    );
    expect(actions([yielding([], { present: 1 }), younger, live(states(4))])).toEqual([
      { do: 'retire-one', generation: 2 },
    ]);
  });

  it('is not in the way of the next reload', () => {
    const rolling = [yielding(states(2)), live(states(2))];
    expect(actions(rolling, { wanted: 4, surge: 1, isReloadWanted: true })).toContainEqual({
      do: 'open-candidate',
    });
  });

  it('leaves all at once when the pool stops', () => {
    expect(actions([yielding(states(4))], { intent: 'stop' })).toEqual([
      { do: 'resize', generation: 1, size: 0 },
    ]);
    expect(actions([yielding([], { present: 2 })], { intent: 'stop' })).toEqual([]);
    expect(actions([yielding([], { present: 0 })], { intent: 'stop' })).toEqual([
      { do: 'stop-workers', generation: 1 },
    ]);
  });

  it('serves what waits at an address of its own before, until that takes too long', () => {
    const old = yielding(states(4), { drainDeadlineMs: 50 });
    expect(decide([old, live(states(4))])).toEqual({ actions: [], wakeAtMs: 50 });
    expect(actions([{ ...old, isDrained: true }, live(states(4))])).toEqual(retireOne);
    expect(actions([old, live(states(4))], { nowMs: 50 })).toEqual(retireOne);
  });
});

describe('a live generation', () => {
  const resizeTo = (size: number): Action[] => [{ do: 'resize', generation: 3, size }];

  it('has as many workers as are wanted', () => {
    expect(actions([live(states(4))], { wanted: 6 })).toEqual(resizeTo(6));
    expect(actions([live(states(4))], { wanted: 1 })).toEqual(resizeTo(1));
  });

  it('grows as old workers make room, with no more than the surge beyond the wanted', () => {
    const surge = { surge: 1 };
    expect(actions([yielding(states(4)), live(['starting'])], surge)).toEqual([]);
    expect(actions([yielding(states(3), { present: 4 }), live(['ready'])], surge)).toEqual([]);
    expect(actions([yielding(states(3), { present: 3 }), live(['ready'])], surge)).toEqual(resizeTo(2));
  });

  it('shrinks while an old one yields, and then no old worker is needed', () => {
    expect(actions([yielding(states(2)), live(states(4))], { wanted: 2 })).toEqual([
      ...retireOne,
      ...resizeTo(2),
    ]);
  });
});

describe('a worn worker', () => {
  const worn = (changes: Partial<ObservedGeneration> = {}) =>
    generation({ workers: ['worn', ...states(2), 'worn'], ...changes });
  const startSuccessor = [{ do: 'start-successor', generation: 1 }];

  it('gets a successor, with no more than the surge beyond the wanted', () => {
    expect(actions([worn()], { surge: 1 })).toEqual(startSuccessor);
    expect(actions([worn({ successors: ['starting'], present: 5 })], { surge: 1 })).toEqual([]);
    expect(actions([worn({ successors: ['starting'], present: 5 })], { surge: 2 })).toEqual(startSuccessor);
    expect(actions([worn({ successors: ['starting', 'starting'], present: 6 })])).toEqual([]);
  });

  it('is followed by the next only when it has gone', () => {
    const one = generation({ workers: ['ready', 'worn', ...states(2)], present: 5 });
    expect(actions([one], { surge: 1 })).toEqual([]);
    expect(actions([{ ...one, present: 4 }], { surge: 1 })).toEqual(startSuccessor);
  });

  it('is relieved as soon as its successor is ready, or when it is lost before', () => {
    const relieve = [{ do: 'relieve', generation: 1 }];
    expect(actions([worn({ successors: ['starting', 'ready'] })])).toEqual(relieve);
    expect(actions([generation({ workers: ['backoff', 'ready'], successors: ['starting'] })])).toEqual(
      relieve,
    );
  });

  it('waits for a reload that is under way', () => {
    expect(actions([worn(), generation({ number: 2, phase: 'proving', workers: ['starting'] })])).toEqual([]);
    expect(actions([worn()], { isReloadWanted: true })).toEqual([{ do: 'open-candidate' }]);
  });

  it('is replaced by a reload where the code has changed, and serves on while that is refused', () => {
    const outdated = { isOutdated: () => true };
    expect(actions([worn()], outdated)).toEqual([{ do: 'reload-worn', generation: 1 }]);
    expect(decide([worn()], { ...outdated, nowMs: 5, mayReloadAtMs: 9 })).toEqual({
      actions: [],
      wakeAtMs: 9,
    });
    const forGood = { ...outdated, mayReloadAtMs: Number.POSITIVE_INFINITY };
    expect(decide([worn()], forGood)).toEqual({ actions: [], wakeAtMs: undefined });
  });

  it('gets no successor of other code in place of one that died', () => {
    const lost = worn({ successors: ['backoff', 'starting'] });
    expect(actions([lost])).toEqual([]);
    expect(actions([lost], { isOutdated: () => true })).toEqual([{ do: 'drop-successors', generation: 1 }]);
  });
});

describe('a worker that leaves by itself', () => {
  const leaving = generation({ workers: ['retiring', ...states(3)] });

  it('is replaced at once', () => {
    expect(actions([leaving])).toEqual([{ do: 'fill', generation: 1 }]);
  });

  it('leaves its place empty where the code has changed and others serve', () => {
    const outdated = { isOutdated: () => true };
    expect(actions([leaving], outdated)).toEqual([{ do: 'hold', generation: 1 }]);
    expect(actions([generation({ workers: ['retiring'] })], { ...outdated, wanted: 1 })).toEqual([
      { do: 'fill', generation: 1 },
    ]);
  });
});

describe('workers that are held back', () => {
  const held = [generation({ workers: ['ready', 'failed'] })];
  const outdated = { wanted: 2, isOutdated: () => true };

  it('are asked a reload for again, some time after it was refused', () => {
    expect(decide(held, { ...outdated, nowMs: 5, mayReloadAtMs: 9 })).toEqual({ actions: [], wakeAtMs: 9 });
    expect(actions(held, { ...outdated, nowMs: 9, mayReloadAtMs: 9 })).toEqual([
      { do: 'hold', generation: 1 },
    ]);
    expect(actions(held, { ...outdated, isReloadWanted: true })).toEqual([{ do: 'open-candidate' }]);
    const proving = generation({ number: 2, phase: 'proving', workers: ['starting'] });
    expect(actions([...held, proving], outdated)).toEqual([]);
  });

  it('start when the code is that of the others again', () => {
    expect(actions(held, { wanted: 2 })).toEqual([{ do: 'start-workers', generation: 1 }]);
  });

  it('stay as they are when the pool has given up, until it tries again', () => {
    expect(actions(held, { ...outdated, retryAtMs: 9 })).toEqual([]);
  });
});

describe('old generations that long connections hold back', () => {
  const old = (count: number, changes: Partial<ObservedGeneration> = {}): ObservedGeneration[] =>
    Array.from({ length: count }, (_, index) =>
      generation({ number: index + 10, phase: 'draining', drainDeadlineMs: 60_000, ...changes }),
    );

  it('make a further reload wait when they are four', () => {
    const wish = { isReloadWanted: true };
    expect(actions([...old(3), generation({})], wish)).toEqual([{ do: 'open-candidate' }]);
    expect(actions([...old(4), generation({})], wish)).toEqual([]);
  });

  it('make a start on their TCP port wait when they are two', () => {
    expect(actions(old(1, { isExclusive: true }))).toEqual([{ do: 'open-live' }]);
    expect(actions(old(2, { isExclusive: true }))).toEqual([]);
  });
});
