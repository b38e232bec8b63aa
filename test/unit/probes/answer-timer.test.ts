import { describe, expect, it } from 'vitest';
import { type AnswerLimits, AnswerTimer } from '../../../src/probes/answer-timer.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

function start(limits: AnswerLimits): { clock: FakeClock; timer: AnswerTimer; timeouts: string[] } {
  const clock = new FakeClock();
  const timeouts: string[] = [];
  return { clock, timeouts, timer: new AnswerTimer(clock, limits, (words) => timeouts.push(words)) };
}

describe('the answer timer', () => {
  it('fires once at the deadline, however busy the peer is', async () => {
    const { clock, timer, timeouts } = start({ deadlineMs: 1000, idleTimeoutMs: 600 });
    for (let step = 0; step < 9; step += 1) {
      await clock.advance(100);
      timer.noteActivity();
    }
    expect(timeouts).toEqual([]);
    await clock.advance(100);
    expect(timeouts).toEqual(['did not finish in time']);
    await clock.advance(10_000);
    expect(timeouts).toHaveLength(1);
  });

  it('fires after a silence, counted from the last sign of life', async () => {
    const { clock, timer, timeouts } = start({ idleTimeoutMs: 5000 });
    await clock.advance(4999);
    timer.noteActivity();
    await clock.advance(4999);
    expect(timeouts).toEqual([]);
    await clock.advance(1);
    expect(timeouts).toEqual(['was silent for 5 s']);
  });

  it('does not count a silence of our own making', async () => {
    const { clock, timer, timeouts } = start({ idleTimeoutMs: 5000 });
    timer.hold();
    await clock.advance(60_000);
    expect(timeouts).toEqual([]);
    timer.release();
    await clock.advance(5000);
    expect(timeouts).toHaveLength(1);
  });

  it('sets no timer without limits and leaves none behind', () => {
    expect(start({}).clock.pending).toBe(0);
    const { clock, timer } = start({ deadlineMs: 10 });
    timer.cancel();
    expect(clock.pending).toBe(0);
  });
});
