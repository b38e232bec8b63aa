import { beforeEach, expect, test } from 'vitest';
import { RunfcgidError } from '../../../src/errors.ts';
import { reconfigure } from '../../../src/main/reconfiguration.ts';
import { FakeCommands, outcome, poolSnapshot } from '../../helpers/fake-commands.ts';
import { FakeLog } from '../../helpers/fake-log.ts';

let commands: FakeCommands;
let log: FakeLog;
let told: string[];

beforeEach(() => {
  commands = new FakeCommands();
  commands.pools = [poolSnapshot(), poolSnapshot({ name: 'api', state: 'failed' })];
  log = new FakeLog();
  told = [];
});

function run(): Promise<void> {
  const notifier = {
    reloading: (monotonicUs: bigint) => void told.push(monotonicUs > 0n ? 'reloading' : 'no time'),
    ready: (status: string) => void told.push(`ready: ${status}`),
  };
  return reconfigure({ commands, notifier, log });
}

test('what became of each pool is logged, and the service manager hears when it is done', async () => {
  commands.work = async () => {
    expect(told).toEqual(['reloading']);
    return [
      outcome({ pool: 'api', message: 'added: running with 2 workers' }),
      outcome({ isDone: false, message: 'reload refused: it died', details: ['boom'] }),
    ];
  };
  await run();
  expect(log.lines).toMatchObject([
    { level: 'info', event: 'config.pool', pool: 'api', message: 'added: running with 2 workers' },
    { level: 'error', event: 'config.pool', pool: 'web', details: ['boom'] },
    {
      level: 'info',
      message: 'the configuration is applied as far as it can be: 1 pool has changed, 1 pool has a problem',
    },
  ]);
  expect(told).toEqual(['reloading', 'ready: 1 of 2 pools running']);
});

test('an invalid configuration is logged with all its problems, and the daemon is ready all the same', async () => {
  commands.work = () => Promise.reject(new RunfcgidError('CONFIG_INVALID', 'a:1: bad\nb:2: worse'));
  await run();
  expect(log.of('config.refused')).toMatchObject([{ level: 'error', problems: ['a:1: bad', 'b:2: worse'] }]);
  expect(told).toEqual(['reloading', 'ready: 1 of 2 pools running']);
});

test('a configuration that has not changed is told as such', async () => {
  await run();
  expect(log.of('config.applied')).toMatchObject([
    { message: 'the configuration is applied: nothing has changed' },
  ]);
});

test('a configuration in which only the daemon’s own settings have changed is not told as unchanged', async () => {
  commands.notes = ['settings in [daemon] have changed: they count from the next start'];
  await run();
  expect(log.lines).toMatchObject([{ message: 'the configuration is applied: no pool has changed' }]);
});

test('the service manager hears that it is done also when the pools cannot be looked at', async () => {
  commands.status = () => Promise.reject(new Error('EMFILE: too many open files'));
  await run();
  expect(told).toEqual([
    'reloading',
    'ready: running; the pools cannot be looked at: EMFILE: too many open files',
  ]);
});
