import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { execa } from 'execa';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { signalProcess } from '../../../src/host/process-signal.ts';
import { readProcess, readProcessTable } from '../../../src/host/process-table.ts';
import { type Reaped, Reaper } from '../../../src/workers/reaper.ts';
import { isThere, LaunchedWorker, planOf, until } from './launched-worker.ts';

const reaped: Reaped[] = [];

beforeAll(() => {
  const reaper = new Reaper(systemClock, (each) => reaped.push(each));
  reaper.start();
  return () => reaper.stop();
});

afterEach(async () => {
  await LaunchedWorker.cleanUp();
  await until(() => childrenOfOurs().every(({ state }) => state !== 'Z'), 'the last dead child');
  reaped.length = 0;
});

const pidsOf = (worker: LaunchedWorker): readonly number[] => worker.tree().map(({ pid }) => pid);
const reapedPids = (): readonly number[] => reaped.map(({ pid }) => pid);

describe('a tree', () => {
  test('holds a child in a process group of its own, and both go by killTree', async () => {
    const worker = new LaunchedWorker(planOf(['forks-a-grandchild']));
    const child = await worker.printedPid('grandchild');
    expect(pidsOf(worker)).toEqual([worker.pid, child]);
    expect(worker.process.killTree()).toBe(2);
    await worker.ended();
    await until(() => pidsOf(worker).length === 0, 'the end of the tree');
    await until(() => reapedPids().includes(child), 'the reaping of the adopted child');
    expect(reaped).toEqual([{ pid: child, status: { kind: 'signalled', signal: 9 } }]);
  });

  test('holds a daemon that left session and parent behind', async () => {
    const worker = new LaunchedWorker(planOf(['double-forks-away']));
    const daemon = await worker.printedPid('daemon');
    await worker.printedPid('parent');
    expect(readProcess(daemon)?.parent).toBe(process.pid);
    expect(pidsOf(worker)).toEqual([worker.pid, daemon]);
    worker.process.signal('SIGKILL');
    await worker.ended();
    expect(pidsOf(worker)).toEqual([daemon]);
    expect(worker.process.killTree()).toBe(1);
    await until(() => reapedPids().includes(daemon), 'the reaping of the daemon');
    expect(pidsOf(worker)).toEqual([]);
  });

  test('does not hold the tree of the next worker', async () => {
    const one = new LaunchedWorker(planOf(['double-forks-away']));
    const other = new LaunchedWorker(planOf(['double-forks-away']));
    const daemons = [await one.printedPid('daemon'), await other.printedPid('daemon')];
    // What stood between them has ended.
    for (const worker of [one, other]) await worker.printedPid('parent');
    expect([pidsOf(one), pidsOf(other)]).toEqual([
      [one.pid, daemons[0]],
      [other.pid, daemons[1]],
    ]);
  });

  test('of a worker that ignores every signal goes by killTree', async () => {
    const worker = new LaunchedWorker(planOf(['ignores-sigterm']));
    await worker.printedPid('ignoring');
    expect(worker.process.signal('SIGTERM')).toBe(true);
    expect(worker.process.signal('SIGHUP')).toBe(true);
    expect(worker.process.killTree()).toBe(1);
    expect(await worker.ended()).toEqual({ kind: 'signaled', signal: 'SIGKILL' });
  });

  test('that replaces itself every 0.1 s is caught', async () => {
    const worker = new LaunchedWorker(planOf(['forks-without-end']));
    await worker.ended();
    expect(worker.process.killTree()).toBeGreaterThan(0);
    await until(() => worker.process.tree().length === 0, 'the end of the tree');
  });
});

test('a signal never reaches a process that only has the same pid', async () => {
  const worker = new LaunchedWorker(planOf(['never-accepts']));
  const startTime = readProcess(worker.pid)?.startTime ?? 0;
  expect(signalProcess({ pid: worker.pid, startTime: startTime - 1 }, 'SIGKILL')).toBe('gone');
  expect(isThere({ pid: worker.pid, startTime })).toBe(true);
  expect(signalProcess({ pid: worker.pid, startTime }, 'SIGKILL')).toBe('sent');
  await worker.ended();
  expect(signalProcess({ pid: worker.pid, startTime }, 'SIGKILL')).toBe('gone');
});

test("none of Node's own children is taken, and every orphan is collected", async () => {
  const codes: (number | null)[] = [];
  const plain = Array.from({ length: 60 }, (_, index) => {
    const orphan = index % 2 === 0 ? '(sleep 0.2; exit 9) & ' : '';
    const child = spawn('/bin/sh', ['-c', `${orphan}exit 7`], { stdio: 'ignore', detached: index % 3 === 0 });
    child.once('exit', (code) => codes.push(code));
    return once(child, 'exit');
  });
  const files = Array.from({ length: 10 }, () => promisify(execFile)('/bin/echo', ['out']));
  const missing = Array.from({ length: 10 }, () => execa('/no/such/program', { reject: false }));
  const busy = execa('/bin/sh', ['-c', 'sleep 1.6; exit 4'], { reject: false });
  await Promise.all(plain);
  expect(codes).toEqual(Array(60).fill(7));
  expect((await Promise.all(files)).map(({ stdout }) => stdout)).toEqual(Array(10).fill('out\n'));
  expect((await Promise.all(missing)).map(({ code }) => code)).toEqual(Array(10).fill('ENOENT'));
  expect((await busy).exitCode).toBe(4);
  await until(() => reaped.length === 30, '30 orphans');
  expect(reaped.every(({ status }) => status.kind === 'exited' && status.status === 9)).toBe(true);
});

test("a dead child of Node's is left alone while the event loop is held up", async () => {
  const hasDeadOrphan = (): boolean => childrenOfOurs().some(({ state }) => state === 'Z');
  let orphans = 0;
  // One that is dead and not collected yet keeps the watch up.
  do {
    const parent = spawn('/bin/sh', ['-c', '(sleep 0.1; exit 9) & exit 0'], { stdio: 'ignore' });
    orphans += 1;
    await once(parent, 'exit');
    await until(() => hasDeadOrphan() || reaped.length === orphans, 'a dead orphan');
  } while (!hasDeadOrphan());
  const child = spawn('/bin/sh', ['-c', 'exit 6'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const heldUpUntil = systemClock.now() + 2_500;
  while (systemClock.now() < heldUpUntil);
  expect(await ended).toEqual([6, null]);
  await until(() => reaped.length === orphans, 'the orphan');
});

function childrenOfOurs() {
  return [...readProcessTable().values()].filter(({ parent }) => parent === process.pid);
}
