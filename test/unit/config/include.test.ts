import { describe, expect, it } from 'vitest';
import { includedFiles } from '../../../src/config/include.ts';
import { memoryFiles } from '../../helpers/surroundings.ts';

const files = memoryFiles({
  '/etc/app/pools.d/b.toml': '',
  '/etc/app/pools.d/a.toml': '',
  '/etc/app/pools.d/.hidden.toml': '',
  '/etc/app/pools.d/a.toml.bak': '',
  '/etc/app/sites/one/pool.toml': '',
  '/etc/app/sites/two/pool.toml': '',
  '/etc/app/sites/three/other.toml': '',
});

describe('an include', () => {
  it.each([
    ['pools.d/*.toml', ['/etc/app/pools.d/a.toml', '/etc/app/pools.d/b.toml']],
    ['pools.d/?.toml', ['/etc/app/pools.d/a.toml', '/etc/app/pools.d/b.toml']],
    ['pools.d/.*.toml', ['/etc/app/pools.d/.hidden.toml']],
    ['sites/*/pool.toml', ['/etc/app/sites/one/pool.toml', '/etc/app/sites/two/pool.toml']],
    ['/etc/app/pools.d/b*', ['/etc/app/pools.d/b.toml']],
    ['nowhere/*.toml', []],
    ['missing.toml', ['/etc/app/missing.toml']],
    ['../app/pools.d/a.toml', ['/etc/app/pools.d/a.toml']],
  ])('%s names %j', (pattern, expected) => {
    expect(includedFiles(pattern, '/etc/app', files)).toEqual(expected);
  });
});
