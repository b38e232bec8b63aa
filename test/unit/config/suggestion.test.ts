import { describe, expect, it } from 'vitest';
import { poolSettings } from '../../../src/config/settings.ts';
import { suggestion } from '../../../src/config/suggestion.ts';

describe('a suggestion', () => {
  it.each([
    ['comand', 'command'],
    ['worker', 'workers'],
    ['listen-mode', 'listen_mode'],
    ['gracefull_timeout', 'graceful_timeout'],
    ['Directory', 'directory'],
    ['enviroment', 'environment'],
  ])('for %s is %s', (written, meant) => {
    expect(suggestion(written, Object.keys(poolSettings))).toBe(meant);
  });

  it.each(['x', 'process', 'foo_bar_baz'])('is not made for %s', (written) => {
    expect(suggestion(written, Object.keys(poolSettings))).toBeUndefined();
  });
});
