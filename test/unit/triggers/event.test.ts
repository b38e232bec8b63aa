import { describe, expect, it } from 'vitest';
import { type Change, eventFor } from '../../../src/triggers/event.ts';

const touched: Change = { cause: 'touch', file: '/srv/site/mysite.fcgi' };
const written = (name: string): Change => ({
  cause: 'watch',
  file: `/srv/site/${name}`,
  directory: '/srv/site',
});

describe('a trigger event', () => {
  it.each([
    { changes: [touched], cause: 'touch', others: 0, summary: 'mysite.fcgi' },
    { changes: [written('blog/views.py')], cause: 'watch', others: 0, summary: 'blog/views.py' },
    {
      changes: [written('blog/views.py'), written('a.py'), written('b.py')],
      cause: 'watch',
      others: 2,
      summary: 'blog/views.py and 2 more',
    },
    { changes: [written('a.py'), touched], cause: 'touch', others: 1, summary: 'mysite.fcgi and 1 more' },
    { changes: [written('')], cause: 'watch', others: 0, summary: 'site' },
  ] as const)('names the file that fired: $summary', ({ changes, cause, others, summary }) => {
    expect(eventFor(changes)).toMatchObject({ cause, others, summary });
  });

  it('counts a file once that is a trigger file and in the tree', () => {
    expect(eventFor([written('mysite.fcgi'), touched])).toMatchObject({ cause: 'touch', others: 0 });
  });

  it('is not made of nothing', () => {
    expect(eventFor([])).toBeUndefined();
  });
});
