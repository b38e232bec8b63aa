import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { UsageReader } from '../../../src/probes/usage.ts';
import { LaunchedWorker, planOf, until } from './launched-worker.ts';

afterEach(() => LaunchedWorker.cleanUp());

const shell = (script: string): LaunchedWorker => new LaunchedWorker(planOf(['/bin/sh', '-c', script]));
const treeOf = (worker: LaunchedWorker): readonly number[] => worker.tree().map(({ pid }) => pid);

test('one reading tells memory and CPU of several trees, in their order', async () => {
  const idle = shell('sleep 300 & sleep 300');
  const busy = shell('while :; do :; done');
  await until(() => treeOf(idle).length === 3, 'two children');
  const reader = new UsageReader();
  await systemClock.sleep(400);
  const trees = [treeOf(idle), [], treeOf(busy)];
  for (const round of ['since the start', 'since the reading before']) {
    const [ofIdle, ofNobody, ofBusy] = await reader.read(trees);
    expect(ofNobody, round).toBeUndefined();
    expect(Math.abs((ofIdle?.memoryBytes ?? 0) / residentBytes(treeOf(idle)) - 1), round).toBeLessThan(0.25);
    expect(ofIdle?.cpuPercent, round).toBeLessThan(20);
    // Others may need the processor too; a busy loop gets its share.
    expect(ofBusy?.cpuPercent, round).toBeGreaterThan(25);
    // A reader that is kept waiting between the clock and the count reads more than there can be.
    expect(ofBusy?.cpuPercent, round).toBeLessThan(190);
    await systemClock.sleep(300);
  }
});

test('CPU is that of now and not of all time', async () => {
  const worker = shell('trap "kind=idle" USR1; while [ -z "$kind" ]; do :; done; sleep 300');
  const reader = new UsageReader();
  await systemClock.sleep(800);
  expect((await reader.read([treeOf(worker)]))[0]?.cpuPercent).toBeGreaterThan(25);
  worker.process.signal('SIGUSR1');
  await until(() => treeOf(worker).length === 2, 'its sleep');
  await reader.read([treeOf(worker)]);
  await systemClock.sleep(400);
  expect((await reader.read([treeOf(worker)]))[0]?.cpuPercent).toBeLessThan(10);
});

test('two readings at once say the same', async () => {
  const worker = shell('while :; do :; done');
  await systemClock.sleep(300);
  const reader = new UsageReader();
  const first = await reader.read([treeOf(worker)]);
  const second = await reader.read([treeOf(worker)]);
  expect(second[0]?.cpuPercent).toBe(first[0]?.cpuPercent);
});

test('a process that was gone before it was ever read is left out', async () => {
  const worker = shell('exit');
  const { pid } = worker;
  await worker.ended();
  const [gone, here] = await new UsageReader().read([[pid], [process.pid]]);
  expect([gone, here]).toEqual([undefined, expect.objectContaining({ cpuPercent: expect.any(Number) })]);
});

test('processes that are gone are left out, and leave nothing open', async () => {
  const reader = new UsageReader();
  const open = (): number => readdirSync('/proc/self/fd').length;
  await reader.read([[process.pid]]);
  const before = open();
  for (let round = 0; round < 10; round += 1) {
    const worker = shell('sleep 300');
    const pid = worker.pid;
    expect(await reader.read([[pid]])).toEqual([
      expect.objectContaining({ memoryBytes: expect.any(Number) }),
    ]);
    worker.process.killTree();
    await worker.ended();
    expect(await reader.read([[pid]])).toEqual([undefined]);
  }
  await LaunchedWorker.cleanUp();
  await until(() => open() <= before, 'the descriptors of pidusage to be closed', 8_000);
});

/** VmRSS of proc_pid_status(5), in bytes: exact, where the number in proc_pid_stat(5) is a few pages per processor late. */
function residentBytes(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
  );
  return kilobytes.reduce((total, each) => total + each, 0) * 1_024;
}
