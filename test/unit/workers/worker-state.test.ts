import { expect, test } from 'vitest';
import { transition } from '../../../src/workers/worker-state.ts';
import {
  type Context,
  deadlineOf,
  hasProcess,
  type WorkerEvent,
  type WorkerState,
} from '../../../src/workers/worker-vocabulary.ts';
import { generator } from '../../helpers/random.ts';

const context: Context = {
  nowMs: 10_000,
  policy: {
    bootTimeoutMs: 30_000,
    gracefulTimeoutMs: 5_000,
    minimumUptimeMs: 1_000,
    backoffDelay: (attempt) => attempt * 100,
  },
};

const asked = { wanted: 'stop', cause: 'asked', attempt: 0 } as const;
const timedOut = { wanted: 'respawn', cause: 'boot-timeout', attempt: 2 } as const;

const states = {
  stopped: { name: 'stopped' },
  starting: { name: 'starting', attempt: 2, deadlineMs: 20_000 },
  ready: { name: 'ready', attempt: 2, readyAtMs: 1_000 },
  retiring: { name: 'retiring', end: asked, deadlineMs: 15_000 },
  stopping: { name: 'stopping', end: asked, deadlineMs: 15_000 },
  killing: { name: 'killing', end: timedOut, deadlineMs: 11_000 },
  backoff: { name: 'backoff', attempt: 2, deadlineMs: 12_000 },
  failed: { name: 'failed' },
} as const satisfies Record<string, WorkerState>;

const events = {
  start: { type: 'start' },
  'spawn-failed': { type: 'spawn-failed' },
  'became-ready': { type: 'became-ready' },
  'not-proven': { type: 'not-proven' },
  retire: { type: 'retire' },
  stop: { type: 'stop' },
  kill: { type: 'kill' },
  exited: { type: 'exited', isExpected: false },
  'exited as expected': { type: 'exited', isExpected: true },
  deadline: { type: 'deadline' },
  'give-up': { type: 'give-up' },
} as const satisfies Record<string, WorkerEvent>;

/** Next state and effects; `-`: nothing happens. Columns in the order of `events`. */
const table: Record<keyof typeof states, readonly string[]> = {
  stopped: ['starting spawn', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-'],
  starting: [
    '-',
    'backoff report-death',
    'ready',
    'killing kill-tree',
    'retiring retire',
    'stopping signal-stop',
    'killing kill-tree',
    'backoff report-death',
    'backoff report-death',
    'killing kill-tree',
    '-',
  ],
  ready: [
    '-',
    '-',
    '-',
    '-',
    'retiring retire',
    'stopping signal-stop',
    'killing kill-tree',
    'backoff report-death',
    'backoff',
    '-',
    '-',
  ],
  retiring: [
    'retiring',
    'stopped',
    '-',
    '-',
    '-',
    'stopping signal-stop',
    'killing kill-tree',
    'stopped',
    'stopped',
    'stopping signal-stop',
    '-',
  ],
  stopping: [
    'stopping',
    'stopped',
    '-',
    '-',
    'stopping',
    'stopping',
    'killing kill-tree',
    'stopped',
    'stopped',
    'killing kill-tree',
    '-',
  ],
  killing: [
    'killing',
    'backoff report-death',
    '-',
    '-',
    'killing',
    'killing',
    'killing',
    'backoff report-death',
    'backoff report-death',
    'killing kill-tree',
    '-',
  ],
  backoff: [
    'starting spawn',
    '-',
    '-',
    '-',
    'stopped',
    'stopped',
    'stopped',
    '-',
    '-',
    'starting spawn',
    'failed',
  ],
  failed: ['starting spawn', '-', '-', '-', 'stopped', 'stopped', 'stopped', '-', '-', '-', '-'],
};

const cells = Object.entries(table).flatMap(([stateName, row]) =>
  Object.entries(events).map(
    ([eventName, event], column) => [stateName, eventName, event, row[column] ?? 'missing'] as const,
  ),
);

test.each(cells)('a worker that is %s, on "%s"', (stateName, _eventName, event, expected) => {
  const state = states[stateName as keyof typeof states];
  const next = transition(state, event, context);
  const shown = [next.state.name, ...next.effects.map((effect) => effect.do)].join(' ');
  expect(next.state === state ? '-' : shown).toBe(expected);
});

test('a process that had been ready for a good while is replaced at once', () => {
  const { state, effects } = transition(states.ready, events.exited, context);
  expect(state).toEqual({ name: 'backoff', attempt: 0, deadlineMs: context.nowMs });
  expect(effects).toEqual([{ do: 'report-death', isEarly: false }]);
});

test('a process that ended as expected is replaced at once, unless its pool holds the place empty', () => {
  const { state, effects } = transition(states.ready, events['exited as expected'], context);
  expect([state, effects]).toEqual([{ name: 'backoff', attempt: 0, deadlineMs: context.nowMs }, []]);
  expect(transition(state, events['give-up'], context).state.name).toBe('failed');
});

test('every early death in a row makes the next start wait longer', () => {
  const young = { ...states.ready, readyAtMs: context.nowMs - 10 };
  expect(transition(young, events.exited, context).state).toMatchObject({ attempt: 3, deadlineMs: 10_300 });
  expect(transition(states.starting, events.exited, context).state).toMatchObject({ attempt: 3 });
});

test('a worker that is wanted again while it stops is spawned as soon as it is gone', () => {
  const again = transition(states.stopping, events.start, context).state;
  expect(transition(again, events.exited, context)).toMatchObject({
    state: { name: 'starting', attempt: 0 },
    effects: [{ do: 'spawn' }],
  });
});

test('what was stopped after a boot timeout does not come back', () => {
  const stopped = transition(states.killing, events.stop, context).state;
  expect(transition(stopped, events.exited, context)).toEqual({ state: { name: 'stopped' }, effects: [] });
});

test('a worker that does not prove itself comes back as after an early death', () => {
  const killing = transition(states.starting, events['not-proven'], context).state;
  expect(killing).toMatchObject({ name: 'killing', end: { wanted: 'respawn', cause: 'not-proven' } });
  expect(transition(killing, events.exited, context)).toEqual({
    state: { name: 'backoff', attempt: 3, deadlineMs: 10_300 },
    effects: [{ do: 'report-death', isEarly: true }],
  });
});

test('whatever happens to a worker, a stop brings it to rest and a start up again', () => {
  const random = generator(20_261_122);
  const all = Object.values(events);
  for (let round = 0; round < 2_000; round += 1) {
    let state: WorkerState = { name: 'stopped' };
    for (let step = 0; step < 40; step += 1) {
      const event = all[Math.floor(random() * all.length)] as WorkerEvent;
      state = transition(state, event, context).state;
    }
    expect(settle(transition(state, { type: 'stop' }, context).state).name).toBe('stopped');
    const again = transition(settle(state), { type: 'start' }, context).state;
    expect(['starting', 'ready']).toContain(again.name);
  }
});

/** Lets the world run its course: what ends has ended, what is due falls due. */
function settle(from: WorkerState): WorkerState {
  let state = transition(from, { type: 'stop' }, context).state;
  for (let step = 0; step < 10 && state.name !== 'stopped'; step += 1) {
    const event: WorkerEvent = hasProcess(state) ? events.exited : { type: 'stop' };
    state = transition(state, event, context).state;
  }
  expect(deadlineOf(state)).toBeUndefined();
  return state;
}
