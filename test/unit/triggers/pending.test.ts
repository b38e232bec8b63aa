import { describe, expect, it } from 'vitest';
import { fired, handled, idle, type Pending } from '../../../src/triggers/pending.ts';

describe('triggers while a reload is under way', () => {
  it('are handled at once when nothing is under way', () => {
    expect(fired<string>(idle, 'a')).toEqual({ pending: { name: 'handling' }, handle: 'a' });
  });

  it('become exactly one more, the latest, however many there were', () => {
    let pending: Pending<string> = fired<string>(idle, 'a').pending;
    for (const event of ['b', 'c', 'd']) {
      const step = fired(pending, event);
      expect(step.handle).toBeUndefined();
      pending = step.pending;
    }
    const next = handled(pending);
    expect(next).toEqual({ pending: { name: 'handling' }, handle: 'd' });
    expect(handled(next.pending)).toEqual({ pending: idle, handle: undefined });
  });

  it('leave nothing to do when there were none', () => {
    expect(handled(idle)).toEqual({ pending: idle, handle: undefined });
  });
});
