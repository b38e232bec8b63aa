import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { djangoWords, ownWords } from '../../../src/config/runfcgi-word-table.ts';
import { runfcgiUsage } from '../../../src/runfcgi/usage.ts';

const document = readFileSync(new URL('../../../docs/runfcgi.md', import.meta.url), 'utf8');

/** The words of the table that follows a line. */
function wordsBelow(line: string): readonly string[] {
  const table = document.split(`\n${line}\n`)[1]?.trimStart().split('\n\n')[0] ?? '';
  return table
    .split('\n')
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(?<word>\w+)`/g)])
    .map((match) => match.groups?.['word'] ?? '');
}

describe('docs/runfcgi.md', () => {
  it('has every word, and no other', () => {
    expect(wordsBelow("Words of Django's command:").toSorted()).toEqual(Object.keys(djangoWords).toSorted());
    expect(wordsBelow('More words:').toSorted()).toEqual(Object.keys(ownWords).toSorted());
  });
});

describe('runfcgid runfcgi help', () => {
  it('has every word with its meaning, in lines that fit a terminal', () => {
    const lines = runfcgiUsage().split('\n');
    for (const [name, { meaning }] of Object.entries({ ...djangoWords, ...ownWords })) {
      expect(lines.filter((line) => line.includes(` ${name}=`) && line.includes(meaning))).toHaveLength(1);
    }
    expect(lines.filter((line) => line.length > 88)).toEqual([]);
  });
});
