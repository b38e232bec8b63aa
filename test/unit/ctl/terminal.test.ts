import { expect, test } from 'vitest';
import { Terminal } from '../../../src/ctl/terminal.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

function setUp(isTTY: boolean, environment: NodeJS.ProcessEnv = {}, columns = 20) {
  const written: string[] = [];
  const clock = new FakeClock();
  const stream = (name: string) => ({
    isTTY,
    columns,
    write: (text: string) => written.push(`${name} ${JSON.stringify(text)}`),
  });
  const terminal = new Terminal({ output: stream('out'), errors: stream('err'), environment, clock });
  return { terminal, written, clock };
}

test('on a terminal progress is one line that is rewritten and leaves nothing behind', () => {
  const { terminal, written } = setUp(true);
  terminal.progress({ pool: 'web', message: '1 of 2' });
  terminal.progress({ pool: 'web', message: 'a message that is longer than the terminal' });
  terminal.print('done');
  terminal.finish();
  expect(written).toEqual([
    'err "web: 1 of 2"',
    'err "\\r\\u001b[K"',
    'err "web: a message that"',
    'err "\\r\\u001b[K"',
    'out "done\\n"',
  ]);
});

test('a terminal that nobody gave a width is taken for a usual one', () => {
  const { terminal, written } = setUp(true, {}, 0);
  terminal.announce('php: 3 processes left');
  expect(written).toEqual(['err "php: 3 processes left"']);
});

test('elsewhere progress is silent for a second, and then plain lines without repetition', async () => {
  const { terminal, written, clock } = setUp(false);
  terminal.progress({ pool: 'web', message: 'begins' });
  terminal.progress({ pool: 'web', message: '0 of 2' });
  await clock.advance(1_000);
  expect(written).toEqual([]);
  await clock.advance(1);
  expect(written).toEqual(['err "web: 0 of 2\\n"']);
  terminal.progress({ pool: 'web', message: '1 of 2' });
  terminal.progress({ pool: 'web', message: '1 of 2' });
  terminal.finish();
  expect(written.slice(1)).toEqual(['err "web: 1 of 2\\n"']);
});

test('elsewhere nothing is told of what takes less than a second', async () => {
  const { terminal, written, clock } = setUp(false);
  terminal.progress({ pool: 'web', message: '0 of 2' });
  terminal.finish();
  await clock.advance(2_000);
  expect(written).toEqual([]);
});

test.each([
  ['a terminal', true, {}, true],
  ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, false],
  ['a terminal that is dumb', true, { TERM: 'dumb' }, false],
  ['a pipe', false, {}, false],
])('colours on %s: %s', (_case, isTTY, environment, expected) => {
  expect(setUp(isTTY, environment).terminal.hasColours).toBe(expected);
});

test.each([
  [true, 60, 60],
  [true, 0, 80],
  [false, 60, undefined],
])('a standard output that is a terminal (%s) of %s columns is %s wide', (isTTY, columns, expected) => {
  expect(setUp(isTTY, {}, columns).terminal.width).toBe(expected);
});
