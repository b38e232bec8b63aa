import { beforeEach, describe, expect, test } from 'vitest';
import { type RequestEvent, type RequestLimits, RequestWatch } from '../../../src/workers/request-watch.ts';
import type { ShownSlot } from '../../../src/workers/scoreboard.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

/** A worker whose requests age with the clock. */
class FakeWorker {
  readonly clock = new FakeClock();
  readonly did: string[] = [];
  readonly events: RequestEvent[] = [];
  looks = 0;
  limits: RequestLimits = { slowMs: 5_000, slowLog: undefined, timeoutMs: undefined, killAfterMs: 2_000 };
  readonly #began: { number: number; uri: string; atMs: number | undefined }[] = [];
  readonly watch = new RequestWatch({
    worker: {
      slots: () => this.slots(),
      signal: (signal) => this.did.push(signal),
      kill: ({ uri }) => this.did.push(`kill for ${uri}`),
    },
    clock: this.clock,
    limits: () => this.limits,
    onEvent: (event) => this.events.push(event),
  });

  begin(slot: number, uri: string): void {
    const number = (this.#began[slot]?.number ?? 0) + 1;
    this.#began[slot] = { number, uri, atMs: this.clock.now() };
  }

  finish(slot: number): void {
    const began = this.#began[slot];
    if (began !== undefined) began.atMs = undefined;
  }

  slots(): readonly ShownSlot[] {
    this.looks += 1;
    return [0, 1].map((index) => {
      const { number = 0, uri = '', atMs } = this.#began[index] ?? {};
      if (atMs === undefined) return { number, request: undefined };
      const ageMs = this.clock.now() - atMs;
      return { number, request: { method: 'GET', uri, remote: '::1', ageMs, bytes: 0 } };
    });
  }

  told(): readonly string[] {
    return this.events.map((event) => {
      if (event.kind === 'cut') return 'cut';
      return `${event.kind === 'slow' ? 'slow' : event.how} ${event.request.uri}`;
    });
  }
}

let worker: FakeWorker;
beforeEach(async () => {
  worker = new FakeWorker();
});

describe('slow requests', () => {
  test('are told of although the worker does not stop writing', async () => {
    worker.watch.look();
    worker.begin(0, '/slow');
    await worker.clock.advance(5_000);
    for (let line = 0; line < 60; line += 1) {
      worker.watch.hearTrace('more');
      await worker.clock.advance(50);
    }
    expect(worker.told()).toEqual(['slow /slow']);
    expect(worker.watch.hearTrace('more')).toBe(false);
  });

  test('are found when they become slow, with one signal and one entry', async () => {
    worker.watch.look();
    await worker.clock.advance(1_000);
    worker.begin(0, '/slow');
    await worker.clock.advance(4_999);
    expect(worker.did).toEqual([]);
    await worker.clock.advance(1);
    expect(worker.did).toEqual(['SIGUSR2']);
    expect(worker.watch.hearTrace('Thread 1:')).toBe(true);
    expect(worker.watch.hearTrace('  File "app.py", line 3 in view')).toBe(true);
    expect(worker.events).toEqual([]);
    await worker.clock.advance(60_000);
    expect(worker.did).toEqual(['SIGUSR2']);
    expect(worker.events).toEqual([
      {
        kind: 'slow',
        request: { method: 'GET', uri: '/slow', remote: '::1', ageMs: expect.any(Number), bytes: 0 },
        traceback: ['Thread 1:', '  File "app.py", line 3 in view'],
      },
    ]);
  });

  test('share a traceback when a second one becomes slow while the first is written', async () => {
    worker.begin(0, '/one');
    await worker.clock.advance(50);
    worker.begin(1, '/two');
    worker.watch.look();
    await worker.clock.advance(4_950);
    worker.watch.hearTrace('Thread 1:');
    await worker.clock.advance(50);
    worker.watch.hearTrace('Thread 2:');
    await worker.clock.advance(200);
    expect(worker.did).toEqual(['SIGUSR2']);
    expect(worker.told()).toEqual(['slow /one', 'slow /two']);
  });

  test('are told of without a traceback when none comes, and when the process ends first', async () => {
    worker.begin(0, '/mute');
    worker.watch.look();
    await worker.clock.advance(5_000);
    await worker.clock.advance(2_000);
    expect(worker.told()).toEqual(['slow /mute']);
    worker.begin(1, '/last');
    await worker.clock.advance(5_000);
    worker.watch.end(worker.slots());
    expect(worker.told()).toEqual(['slow /mute', 'slow /last']);
  });

  test('lines that nobody asked for are not taken', async () => {
    expect(worker.watch.hearTrace('by hand')).toBe(false);
  });

  test('are looked for as seldom as can be', async () => {
    worker.watch.look();
    worker.looks = 0;
    await worker.clock.advance(60_000);
    expect(worker.looks).toBeLessThanOrEqual(12);
    worker.limits = { ...worker.limits, slowMs: undefined };
    await worker.clock.advance(5_000);
    worker.looks = 0;
    await worker.clock.advance(3_600_000);
    expect(worker.looks).toBe(0);
  });
});

describe('requests that time out', () => {
  beforeEach(async () => {
    worker.limits = { slowMs: undefined, slowLog: undefined, timeoutMs: 30_000, killAfterMs: 2_000 };
    worker.begin(0, '/long');
    worker.watch.look();
    await worker.clock.advance(30_000);
  });

  test('are interrupted with one signal, and told of when the worker says so', async () => {
    expect(worker.did).toEqual(['SIGUSR1']);
    expect(worker.told()).toEqual([]);
    worker.finish(0);
    worker.watch.hearTimedOut('interrupted');
    await worker.clock.advance(10_000);
    expect(worker.did).toEqual(['SIGUSR1']);
    expect(worker.told()).toEqual(['interrupted /long']);
  });

  test('end their worker when it does not react', async () => {
    await worker.clock.advance(1_999);
    expect(worker.did).toEqual(['SIGUSR1']);
    await worker.clock.advance(1);
    expect(worker.did).toEqual(['SIGUSR1', 'kill for /long']);
    worker.begin(1, '/beside');
    expect(worker.watch.end(worker.slots()).map(({ uri }) => uri)).toEqual(['/beside']);
    expect(worker.told()).toEqual(['killed /long']);
  });

  test('are no reason to hide what was cut in their place after they had ended all the same', async () => {
    await worker.clock.advance(2_000);
    worker.finish(0);
    worker.begin(0, '/next');
    expect(worker.watch.end(worker.slots()).map(({ uri }) => uri)).toEqual(['/next']);
  });

  test('are nobody’s business when they ended by themselves in that moment', async () => {
    worker.finish(0);
    await worker.clock.advance(1_000);
    worker.begin(0, '/next');
    await worker.clock.advance(29_999);
    expect(worker.did).toEqual(['SIGUSR1']);
    worker.watch.end(worker.slots());
    expect(worker.told()).toEqual([]);
  });

  test('are left behind by a worker whose other threads have finished', async () => {
    worker.watch.hearTimedOut('left');
    await worker.clock.advance(20_000);
    expect(worker.did).toEqual(['SIGUSR1']);
    expect(worker.watch.end(worker.slots())).toEqual([]);
    expect(worker.told()).toEqual(['left /long']);
  });

  test('are not counted when they ended while the others finished', async () => {
    worker.watch.hearTimedOut('left');
    worker.finish(0);
    worker.watch.end(worker.slots());
    expect(worker.told()).toEqual([]);
  });
});
