import { transition } from '../../src/workers/worker-state.ts';
import type {
  Context,
  End,
  WorkerEffect,
  WorkerEvent,
  WorkerState,
} from '../../src/workers/worker-vocabulary.ts';

/** Every way a state may have come about, as far as it decides what happens next. */
const ends: readonly End[] = [
  { wanted: 'respawn', cause: 'asked', attempt: 0 },
  { wanted: 'stop', cause: 'asked', attempt: 0 },
  { wanted: 'respawn', cause: 'boot-timeout', attempt: 0 },
];

const states: { readonly [Name in WorkerState['name']]: readonly Extract<WorkerState, { name: Name }>[] } = {
  stopped: [{ name: 'stopped' }],
  starting: [undefined, { reason: 'max_requests', detail: '' }].map((wear) => ({
    name: 'starting',
    attempt: 0,
    deadlineMs: 1,
    wear,
  })),
  // Ready for a moment, and for a good while.
  ready: [0, -1_000].map((readyAtMs) => ({
    name: 'ready',
    attempt: 0,
    readyAtMs,
    deadlineMs: 1,
    wear: undefined,
  })),
  worn: [0, -1_000].map((readyAtMs) => ({
    name: 'worn',
    attempt: 0,
    readyAtMs,
    wear: { reason: 'max_requests', detail: '' },
  })),
  retiring: ends.map((end) => ({ name: 'retiring', end, deadlineMs: 1 })),
  stuck: ends.map((end) => ({ name: 'stuck', end, deadlineMs: 1 })),
  stopping: ends.map((end) => ({ name: 'stopping', end, deadlineMs: 1, timeoutMs: 1 })),
  killing: ends.map((end) => ({ name: 'killing', end, deadlineMs: 1 })),
  backoff: [{ name: 'backoff', attempt: 1, deadlineMs: 1 }],
  failed: [{ name: 'failed' }],
};

const events: { readonly [Type in WorkerEvent['type']]: readonly Extract<WorkerEvent, { type: Type }>[] } = {
  start: [{ type: 'start' }],
  'spawn-failed': [{ type: 'spawn-failed' }],
  'became-ready': [{ type: 'became-ready' }],
  'not-proven': [{ type: 'not-proven' }],
  worn: [{ type: 'worn', wear: { reason: 'max_requests', detail: '' } }],
  leaves: [{ type: 'leaves', wear: { reason: 'request_timeout', detail: '' } }],
  'age-changed': [{ type: 'age-changed' }],
  retire: [{ type: 'retire' }],
  stop: [{ type: 'stop' }],
  kill: [{ type: 'kill' }],
  exited: [
    { type: 'exited', isExpected: true, hadRequest: false },
    { type: 'exited', isExpected: false, hadRequest: false },
    { type: 'exited', isExpected: false, hadRequest: true },
  ],
  deadline: [{ type: 'deadline' }],
  'give-up': [{ type: 'give-up' }],
};

/** In a pool whose address can be taken over, and in one whose cannot. */
const contexts: readonly Context[] = [1, undefined].map((reliefMs) => ({
  nowMs: 0,
  policy: {
    bootTimeoutMs: 1,
    retireTimeoutMs: 1,
    gracefulTimeoutMs: 1,
    minimumUptimeMs: 1,
    lifespanMs: () => 1,
    reliefMs: () => reliefMs,
    isStartCostly: false,
    backoffDelay: () => 1,
  },
}));

/** The table of docs/architecture.md: an event in a state leads to a state and has effects; `·`: nothing happens. */
export function workerStatesReference(): string {
  const names = Object.keys(states);
  const rows = Object.entries(events).map(([type, variants]) => {
    const cells = Object.values(states).map((from) => describeCell(from, variants));
    return `| \`${type}\` | ${cells.join(' | ')} |`;
  });
  return [
    `| | ${names.map((name) => `\`${name}\``).join(' | ')} |`,
    `| --- | ${names.map(() => '---').join(' | ')} |`,
    ...rows,
  ].join('\n');
}

function describeCell(from: readonly WorkerState[], variants: readonly WorkerEvent[]): string {
  const outcomes = from.flatMap((state) =>
    variants.flatMap((event) => contexts.map((context) => describeOutcome(state, event, context))),
  );
  return [...new Set(outcomes)].join(' *or* ');
}

function describeOutcome(from: WorkerState, event: WorkerEvent, context: Context): string {
  const { state, effects } = transition(from, event, context);
  if (state === from) return '·';
  const next = state.name === from.name ? `*${state.name}*` : state.name;
  return effects.length === 0 ? next : `${next} (${effects.map(describeEffect).join(', ')})`;
}

function describeEffect(effect: WorkerEffect): string {
  return effect.do;
}
