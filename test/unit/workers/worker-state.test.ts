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
    retireTimeoutMs: 5_000,
    gracefulTimeoutMs: 5_000,
    minimumUptimeMs: 1_000,
    lifespanMs: () => 60_000,
    reliefMs: () => 50_000,
    isStartCostly: false,
    backoffDelay: (attempt) => attempt * 100,
  },
};

const asked = { wanted: 'stop', cause: 'asked', attempt: 0 } as const;
const timedOut = { wanted: 'respawn', cause: 'boot-timeout', attempt: 2 } as const;

const wear = { reason: 'max_requests', detail: '1000 requests' };

const states = {
  stopped: { name: 'stopped' },
  starting: { name: 'starting', attempt: 2, deadlineMs: 20_000, wear: undefined },
  ready: { name: 'ready', attempt: 2, readyAtMs: 1_000, deadlineMs: 61_000, wear: undefined },
  worn: { name: 'worn', attempt: 2, readyAtMs: 1_000, wear },
  retiring: { name: 'retiring', end: asked, deadlineMs: 15_000 },
  stuck: { name: 'stuck', end: asked, deadlineMs: 60_000 },
  stopping: { name: 'stopping', end: asked, deadlineMs: 15_000, timeoutMs: 5_000 },
  killing: { name: 'killing', end: timedOut, deadlineMs: 11_000 },
  backoff: { name: 'backoff', attempt: 2, deadlineMs: 12_000 },
  failed: { name: 'failed' },
} as const satisfies Record<string, WorkerState>;

const events = {
  start: { type: 'start' },
  'spawn-failed': { type: 'spawn-failed' },
  'became-ready': { type: 'became-ready' },
  'not-proven': { type: 'not-proven' },
  worn: { type: 'worn', wear },
  leaves: { type: 'leaves', wear: { reason: 'request_timeout', detail: '' } },
  'age-changed': { type: 'age-changed' },
  retire: { type: 'retire' },
  stop: { type: 'stop' },
  kill: { type: 'kill' },
  exited: { type: 'exited', isExpected: false, hadRequest: false },
  'exited as expected': { type: 'exited', isExpected: true, hadRequest: false },
  deadline: { type: 'deadline' },
  'give-up': { type: 'give-up' },
} as const satisfies Record<string, WorkerEvent>;

/** Next state and effects; `-`: nothing happens. Columns in the order of `events`. */
const table: Record<keyof typeof states, readonly string[]> = {
  stopped: ['starting spawn', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', 'failed'],
  starting: [
    '-',
    'backoff report-death',
    'ready',
    'killing kill-tree',
    'starting',
    '-',
    '-',
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
    'worn',
    'retiring',
    'ready',
    'retiring retire',
    'stopping signal-stop',
    'killing kill-tree',
    'backoff report-death',
    'backoff',
    'worn',
    '-',
  ],
  worn: [
    '-',
    '-',
    '-',
    '-',
    '-',
    'retiring',
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
    '-',
    '-',
    '-',
    'stopping signal-stop',
    'killing kill-tree',
    'stopped',
    'stopped',
    'stuck ask-relief',
    '-',
  ],
  stuck: [
    'stuck',
    'stopped',
    '-',
    '-',
    '-',
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
    '-',
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
    '-',
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
  failed: [
    'starting spawn',
    '-',
    '-',
    '-',
    '-',
    '-',
    '-',
    'stopped',
    'stopped',
    'stopped',
    '-',
    '-',
    '-',
    '-',
  ],
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

test('a process that reaches its age is worn, and one that may grow older has another deadline', () => {
  const ready = transition(states.starting, events['became-ready'], context).state;
  expect(ready).toMatchObject({ name: 'ready', deadlineMs: 70_000 });
  const old = { ...context, nowMs: 70_000 };
  const detail = 'ready for 1m';
  expect(transition(ready, events.deadline, old).state).toMatchObject({
    name: 'worn',
    wear: { reason: 'max_age', detail },
  });
  const policy = { ...context.policy, lifespanMs: () => undefined };
  const ageless = transition(ready, events['age-changed'], { ...old, policy }).state;
  expect(deadlineOf(ageless)).toBeUndefined();
});

test('a process that is worn before it is proven serves as a worn one', () => {
  const { state } = transition(states.starting, events.worn, context);
  expect(transition(state, events['became-ready'], context).state).toMatchObject({ name: 'worn', wear });
});

test('a process that is over its memory from the beginning is not replaced over and over', () => {
  const young = { ...states.ready, readyAtMs: context.nowMs - 1_000 };
  const heavy = { type: 'worn', wear: { reason: 'max_memory', detail: '1 GB' } } as const;
  const { state } = transition(young, heavy, context);
  expect(state).toMatchObject({ name: 'ready', deadlineMs: young.readyAtMs + 10_000 });
  expect(transition(state, events['age-changed'], context).state).toBe(state);
  const later = { ...context, nowMs: young.readyAtMs + 10_000 };
  expect(transition(state, events.deadline, later).state).toMatchObject({ name: 'worn', wear: heavy.wear });
});

test('a process that found no moment to retire is told to end where nobody can take its address over', () => {
  const policy = { ...context.policy, reliefMs: () => undefined };
  expect(transition(states.retiring, events.deadline, { ...context, policy })).toMatchObject({
    state: { name: 'stopping' },
    effects: [{ do: 'signal-stop' }],
  });
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

test.each([
  ['a fork', false, 0, 10_000],
  ['a start that loads the application', true, 1, 10_100],
])(
  'a process that was ready and died with a request in hand is no early death, be it the hundredth (%s)',
  (_, isStartCostly, attempt, deadlineMs) => {
    const policy = { ...context.policy, isStartCostly };
    const crashed = { ...events.exited, hadRequest: true };
    let young: WorkerState = { ...states.ready, readyAtMs: context.nowMs - 10 };
    for (let death = 0; death < 100; death += 1) {
      const { state, effects } = transition(young, crashed, { ...context, policy });
      expect(state).toEqual({ name: 'backoff', attempt, deadlineMs });
      expect(effects).toEqual([{ do: 'report-death', isEarly: false }]);
      young = { ...states.ready, attempt, readyAtMs: context.nowMs - 10 };
    }
    expect(transition(states.starting, crashed, context).effects).toEqual([
      { do: 'report-death', isEarly: true },
    ]);
  },
);

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
    expect(['starting', 'ready', 'worn']).toContain(again.name);
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
