import { describe, expect, it } from 'vitest';
import { parseEnvironmentFile } from '../../../src/config/environment-file.ts';

describe('an environment file', () => {
  it.each([
    ['A=b', 'b'],
    ['  A = b  ', 'b'],
    ['export A=b', 'b'],
    ['A=', ''],
    ['A=""', ''],
    ['A=b=c', 'b=c'],
    ['A=pass#word', 'pass#word'],
    ['A=$HOME/$X', '$HOME/$X'],
    ["A='single # $x \\n'", 'single # $x \\n'],
    ['A="two\\nlines\\t\\"quoted\\" \\\\ # no comment"', 'two\nlines\t"quoted" \\ # no comment'],
    ['A=b\r', 'b'],
    ['\uFEFFA=b', 'b'],
  ])('reads %j', (line, value) => {
    expect(parseEnvironmentFile(line)).toEqual({ values: { A: value }, problems: [] });
  });

  it('skips comments and empty lines, and lets the last of two win', () => {
    const { values, problems } = parseEnvironmentFile('# comment\n\nA=1\n  # another\nA=2\n');
    expect(values).toEqual({ A: '2' });
    expect(problems).toEqual([]);
  });

  it('tells every mistake with its line, and never the value', () => {
    const { values, problems } = parseEnvironmentFile(
      "OK=1\nno equals sign\n1A=secret\nB=\"secret\nC=secret # comment\nRUNFCGID_CHANNEL=9\nD='a'b\n",
    );
    expect(values).toEqual({ OK: '1' });
    expect(problems).toEqual([
      { line: 2, message: 'expected NAME=VALUE' },
      { line: 3, message: 'expected the name of a variable before "=", found "1A"' },
      { line: 4, message: 'the quotes around the value of "B" do not end at the end of the line' },
      {
        line: 5,
        message:
          'the value of "C" has a "#" after a blank: put it in quotes, or the comment on a line of its own',
      },
      {
        line: 6,
        message: '"RUNFCGID_CHANNEL": names that begin with RUNFCGID_ are set by the daemon itself',
      },
      { line: 7, message: 'the quotes around the value of "D" do not end at the end of the line' },
    ]);
    expect(JSON.stringify(problems)).not.toContain('secret');
  });

  it('cannot reach the prototype of the table', () => {
    const { values } = parseEnvironmentFile('__proto__=x\n');
    expect(Object.getPrototypeOf(values)).toBe(Object.prototype);
    expect(Object.keys(values)).toEqual(['__proto__']);
  });
});
