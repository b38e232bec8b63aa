import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/host/clock.ts';
import { readProcess } from '../../../src/host/process-table.ts';
import type { WorkerPlan } from '../../../src/plan/plan.ts';
import { ExecLauncher } from '../../../src/workers/exec-launcher.ts';
import type { TreeProcess } from '../../../src/workers/launcher.ts';
import { stopLeftovers } from '../../../src/workers/leftovers.ts';
import { markerFamily } from '../../../src/workers/marker.ts';
import { RecordingLauncher } from '../../../src/workers/recording-launcher.ts';
import { readLedger, WorkerLedger } from '../../../src/workers/worker-ledger.ts';
import { type BundledScript, bundleScript } from '../../helpers/bundle-script.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { ForkedSite } from './forked-site.ts';
import { fixtures, isThere, LaunchedWorker, planOf, until } from './launched-worker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'runfcgid-leftovers-'));
const ledger = join(scratch, 'workers.json');
const started: TreeProcess[] = [];
let daemon: BundledScript;
let killed: BundledScript;

beforeAll(async () => {
  daemon = await bundleScript('test/fixtures/supervises-until-killed.ts');
  killed = await bundleScript('test/fixtures/dies-after-spawn.ts');
});

afterAll(() => {
  daemon.remove();
  killed.remove();
  rmSync(scratch, { recursive: true });
});

afterEach(async () => {
  const survivors = started.splice(0).filter(isThere);
  for (const { pid } of survivors) process.kill(pid, 'SIGKILL');
  rmSync(ledger, { force: true });
  await LaunchedWorker.cleanUp();
  expect(survivors).toEqual([]);
});

async function hunt(
  gracefulTimeoutMs: number,
  clock = systemClock,
): Promise<{ found: number; log: FakeLog; tookMs: number }> {
  const log = new FakeLog();
  const startedAtMs = systemClock.now();
  const lifecycleOf = () => ({ stopSignal: 'SIGTERM', gracefulTimeoutMs }) as const;
  const found = await stopLeftovers({ ledger, clock, log, lifecycleOf });
  return { found, log, tookMs: systemClock.now() - startedAtMs };
}

describe('after a daemon was killed', () => {
  /** The daemon's pids by the words it and its workers print: `worker 12`, `grandchild 13` … */
  const killedDaemon = async (
    programs: readonly string[],
    words: readonly string[],
  ): Promise<readonly TreeProcess[]> => {
    const process = spawn('node', [daemon.path, ledger, ...programs.map((name) => join(fixtures, name))], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const output = listenTo(process);
    const pidAfter = (word: string, index: number) =>
      [...output.text.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))][index]?.[1];
    const found: TreeProcess[] = [];
    for (const [index, word] of words.entries()) {
      const nth = words.slice(0, index).filter((each) => each === word).length;
      await until(() => pidAfter(word, nth) !== undefined, `"${word} PID" in ${output.text}`);
      const pid = Number(pidAfter(word, nth));
      found.push({ pid, startTime: readProcess(pid)?.startTime ?? 0 });
    }
    started.push(...found);
    // It says the word and then writes the ledger.
    const isWritten = ({ pid }: TreeProcess) => readLedger(ledger).workers.some((entry) => entry.pid === pid);
    for (const each of found.filter((_, index) => words[index] === 'worker'))
      await until(() => isWritten(each) || !isThere(each), `${each.pid} in the ledger`);
    process.kill('SIGKILL');
    await once(process, 'exit');
    return found;
  };

  test('its workers are found and stopped with their trees, wherever they went', async () => {
    const programs = ['never-accepts', 'forks-a-grandchild', 'double-forks-away'];
    const words = ['worker', 'worker', 'worker', 'grandchild', 'daemon', 'parent'];
    const left = await killedDaemon(programs, words);
    // The parent of the daemon is one of the workers.
    expect(new Set(left.map(({ pid }) => pid)).size).toBe(5);
    expect(left.every(isThere)).toBe(true);
    expect(statSync(ledger).mode & 0o777).toBe(0o600);
    const { found, log, tookMs } = await hunt(500);
    expect(found).toBe(5);
    expect(left.some(isThere)).toBe(false);
    expect(existsSync(ledger)).toBe(false);
    expect(
      log
        .of('leftover.found')
        .map(({ pool }) => pool)
        .sort(),
    ).toEqual(['site-0', 'site-1', 'site-2']);
    expect(log.of('leftover.survived')).toEqual([]);
    // The grandchildren do not hear of SIGTERM to their parents.
    expect(tookMs).toBeGreaterThan(450);
  });

  test('those that end on the stop signal are not waited for any longer', async () => {
    await killedDaemon(['never-accepts'], ['worker']);
    const { found, tookMs } = await hunt(20_000);
    expect(found).toBe(1);
    expect(tookMs).toBeLessThan(2_000);
  });

  test('one that ignores the stop signal is killed when its time is over', async () => {
    await killedDaemon(['ignores-sigterm'], ['worker', 'ignoring']);
    const { found, tookMs } = await hunt(300);
    expect(found).toBe(1);
    expect(tookMs).toBeGreaterThan(250);
  });

  test('children of a worker that died since are found by their mark', async () => {
    const [worker, child] = await killedDaemon(['forks-a-grandchild'], ['worker', 'grandchild']);
    process.kill(worker?.pid ?? 0, 'SIGKILL');
    await until(() => worker !== undefined && !isThere(worker), 'the death of the worker');
    expect(child !== undefined && isThere(child)).toBe(true);
    expect((await hunt(20_000)).found).toBe(1);
  });
});

describe('after a daemon was killed in the moment after it had started a worker', () => {
  let site: ForkedSite;
  beforeEach(() => {
    site = new ForkedSite();
  });
  afterEach(() => site.close());

  const killedDaemon = async (how: 'exec' | 'fork', plan: WorkerPlan): Promise<TreeProcess> => {
    const daemon = spawn('node', [killed.path, how, ledger, JSON.stringify(plan)], {
      stdio: [site.listenFd, 'pipe', 'inherit'],
    });
    const output = listenTo(daemon);
    await once(daemon, 'close');
    const pid = Number(output.text);
    const worker = { pid, startTime: readProcess(pid)?.startTime ?? 0 };
    started.push(worker);
    expect(daemon.signalCode).toBe('SIGKILL');
    expect(isThere(worker)).toBe(true);
    expect(readLedger(ledger).workers.map((each) => each.pid)).not.toContain(pid);
    return worker;
  };

  test('the worker is found, although it is in no list, and stopped as its pool says', async () => {
    const worker = await killedDaemon('exec', planOf(['/bin/sleep', '300']));
    const { found, log } = await hunt(20_000);
    expect(found).toBe(1);
    expect(log.of('leftover.found')).toMatchObject([{ pool: 'exec', pids: [worker.pid] }]);
    expect(isThere(worker)).toBe(false);
    expect(existsSync(ledger)).toBe(false);
  });

  test('so is one that was forked from a fork server', async () => {
    const worker = await killedDaemon('fork', site.plan);
    const { log } = await hunt(20_000);
    const found = log.of('leftover.found');
    expect(found.flatMap(({ pids }) => pids)).toContain(worker.pid);
    expect(new Set(found.map(({ pool }) => pool))).toEqual(new Set(['site']));
    expect(isThere(worker)).toBe(false);
  });
});

test('a worker that is in the middle of execve(2) for longer than two looks is found all the same', async () => {
  // A program without an environment looks the same: this one goes on to the next, with one, when it is told.
  const marker = 'site/1:0123456789abcdef';
  const script = `$SIG{USR1} = sub { exec '/usr/bin/env', 'RUNFCGID_WORKER=${marker}', 'sleep', '300' }; $| = 1; print "up"; sleep 300`;
  const child = spawn('/usr/bin/perl', ['-e', script], { env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  const output = listenTo(child);
  await until(() => output.text === 'up', 'its word');
  const pid = Number(child.pid);
  const worker = { pid, startTime: readProcess(pid)?.startTime ?? 0 };
  started.push(worker);
  writeFileSync(ledger, JSON.stringify({ workers: [{ ...worker, pool: 'site', marker }] }), { mode: 0o600 });
  let looks = 0;
  const clock: Clock = {
    ...systemClock,
    sleep: async (durationMs) => {
      looks += 1;
      if (looks === 4) child.kill('SIGUSR1');
      await systemClock.sleep(durationMs);
    },
  };
  expect((await hunt(20_000, clock)).found).toBe(1);
  expect(isThere(worker)).toBe(false);
});

describe('nobody else is touched', () => {
  const forge = (text: string, mode = 0o600): void => writeFileSync(ledger, text, { mode });
  const stranger = async (): Promise<LaunchedWorker> => {
    const worker = new LaunchedWorker(planOf(['never-accepts']));
    await until(() => worker.lines.includes('waiting'), 'its first line');
    return worker;
  };
  const entryOf = (worker: LaunchedWorker, changes: object = {}): object => {
    const { pid, startTime } = readProcess(worker.pid) ?? {};
    return { pid, startTime, pool: 'site', marker: worker.marker, ...changes };
  };

  test('without a ledger', async () => {
    expect((await hunt(0)).found).toBe(0);
  });

  test('by an entry with the right pid and start time and another mark', async () => {
    const worker = await stranger();
    forge(JSON.stringify({ workers: [entryOf(worker, { marker: 'site/1:0123456789abcdef' })] }));
    expect((await hunt(0)).found).toBe(0);
    expect(worker.exit).toBeUndefined();
    expect(existsSync(ledger)).toBe(false);
  });

  test('while the same entry with the right mark does hit', async () => {
    const worker = await stranger();
    forge(JSON.stringify({ workers: [entryOf(worker)] }));
    expect((await hunt(5_000)).found).toBe(1);
    expect(await worker.ended()).toEqual({ kind: 'signaled', signal: 'SIGTERM' });
  });

  test.each([
    ['text', 'not JSON'],
    ['an empty file', ''],
    ['a list', '[]'],
    ['no workers', '{"workers":{}}'],
    ['a negative pid', '{"workers":[{"pid":-1,"startTime":1,"pool":"p","marker":"p/1:0123456789abcdef"}]}'],
    ['pid 1', '{"workers":[{"pid":1,"startTime":0,"pool":"p","marker":"p/1:0123456789abcdef"}]}'],
    ['no mark', '{"workers":[{"pid":9,"startTime":1,"pool":"p"}]}'],
    ['a mark that is no secret', '{"workers":[{"pid":9,"startTime":1,"pool":"p","marker":"p/1"}]}'],
  ])('by a damaged ledger: %s', async (_, text) => {
    forge(text);
    const { found, log } = await hunt(0);
    expect(found).toBe(0);
    expect(log.of('ledger.refused')).toHaveLength(1);
  });

  test('by a ledger that others may write', async () => {
    const worker = await stranger();
    forge(JSON.stringify({ workers: [entryOf(worker)] }));
    chmodSync(ledger, 0o666);
    const { found, log } = await hunt(0);
    expect(found).toBe(0);
    expect(log.of('ledger.refused')[0]?.['error']).toContain('other users may write to it');
    expect(worker.exit).toBeUndefined();
  });
});

describe('the ledger', () => {
  test('holds a worker from its spawn until its whole tree is gone, and is there until the daemon ends', async () => {
    const written = new WorkerLedger(ledger, new FakeLog());
    const launcher = new RecordingLauncher(new ExecLauncher(systemClock), written);
    const worker = new LaunchedWorker(planOf(['forks-a-grandchild']), launcher);
    const child = await worker.printedPid('grandchild');
    expect(readLedger(ledger)).toEqual({
      family: markerFamily(),
      workers: [
        {
          pid: worker.pid,
          startTime: readProcess(worker.pid)?.startTime,
          pool: 'test',
          marker: worker.marker,
        },
      ],
    });
    worker.process.signal('SIGKILL');
    await worker.ended();
    expect(worker.tree().map(({ pid }) => pid)).toEqual([child]);
    expect(readLedger(ledger).workers).toHaveLength(1);
    expect(worker.process.killTree()).toBe(1);
    await until(() => worker.tree().length === 0, 'the end of the tree');
    expect(readLedger(ledger)).toEqual({ family: markerFamily(), workers: [] });
    written.end();
    await Promise.resolve();
    expect(existsSync(ledger)).toBe(false);
  });

  test('that cannot be written is complained of once, and hinders no worker', async () => {
    const log = new FakeLog();
    const broken = new WorkerLedger(join(scratch, 'no-such-directory', 'workers.json'), log);
    for (const pid of [4_000_001, 4_000_002]) {
      broken.add({ pid, startTime: 1, pool: 'test', marker: 'test/1:0' });
      await Promise.resolve();
    }
    expect(log.of('ledger.failed')).toHaveLength(1);
  });
});

function listenTo(process: ChildProcess): { text: string } {
  const output = { text: '' };
  process.stdout?.on('data', (chunk) => {
    output.text += chunk;
  });
  return output;
}
