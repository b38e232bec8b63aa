import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { UsageReader } from '../../../src/probes/usage.ts';
import { LaunchedWorker, planOf, until } from './launched-worker.ts';

afterEach(() => LaunchedWorker.cleanUp());

const shell = (script: string): LaunchedWorker => new LaunchedWorker(planOf(['/bin/sh', '-c', script]));
const treeOf = (worker: LaunchedWorker): readonly number[] => worker.tree().map(({ pid }) => pid);

test('one reading tells memory and CPU of several trees, in their order', async () => {
  const large = '/usr/bin/python3 -Ic "import time; kept = bytes([1]) * 30_000_000; time.sleep(300)"';
  const idle = shell(`${large} & ${large}`);
  const busy = shell('while :; do :; done');
  await until(() => residentBytes(treeOf(idle)) > 70_000_000, 'two children');
  const reader = new UsageReader();
  const trees = [treeOf(idle), [], treeOf(busy)];
  const atStart = { cpuMs: 0, ageMs: 0 };
  let before: Around = { earliest: atStart, latest: atStart };
  for (const round of ['since the start', 'since the reading before']) {
    const { cpuMs } = before.latest;
    await until(() => measured(busy.pid).cpuMs >= cpuMs + 300, 'some work of the busy one');
    const earliest = measured(busy.pid);
    const [ofIdle, ofNobody, ofBusy] = await reader.read(trees);
    const now = { earliest, latest: measured(busy.pid) };
    expect(ofNobody, round).toBeUndefined();
    expect(Math.abs((ofIdle?.memoryBytes ?? 0) / residentBytes(treeOf(idle)) - 1), round).toBeLessThan(0.1);
    expectBetween(ofBusy?.cpuPercent, before, now);
    if (before.latest !== atStart) expect(ofIdle?.cpuPercent, round).toBeLessThan(10);
    before = now;
  }
});

test('CPU is that of now and not of all time', async () => {
  const worker = shell('trap "kind=idle" USR1; while [ -z "$kind" ]; do :; done; sleep 300');
  const reader = new UsageReader();
  await until(() => measured(worker.pid).cpuMs >= 500, 'some work');
  expect((await reader.read([treeOf(worker)]))[0]?.cpuPercent).toBeGreaterThan(0);
  worker.process.signal('SIGUSR1');
  await until(() => treeOf(worker).length === 2, 'its sleep');
  await reader.read([treeOf(worker)]);
  const { cpuMs, ageMs } = measured(worker.pid);
  await until(() => measured(worker.pid).ageMs >= ageMs + 400, 'a while');
  expect(measured(worker.pid).cpuMs).toBe(cpuMs);
  expect((await reader.read([treeOf(worker)]))[0]?.cpuPercent).toBeLessThan(10);
});

test('two readings at once say the same', async () => {
  const worker = shell('while :; do :; done');
  await until(() => measured(worker.pid).cpuMs >= 300, 'some work');
  let answers: readonly unknown[] = [];
  let beganMs = 0;
  // Where something came in between, they were not at once.
  do {
    const reader = new UsageReader();
    beganMs = systemClock.now();
    const readings = [await reader.read([treeOf(worker)]), await reader.read([treeOf(worker)])];
    answers = readings.map(([usage]) => usage?.cpuPercent);
  } while (systemClock.now() > beganMs + 200);
  expect(answers[0]).toBeGreaterThan(0);
  expect(answers[1]).toBe(answers[0]);
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
  await until(() => open() <= before, 'the descriptors of pidusage to be closed');
});

interface Measured {
  /** Processor time of the process itself. */
  readonly cpuMs: number;
  /** Since its start. */
  readonly ageMs: number;
}

/** What was measured just before a reading and just after it. */
interface Around {
  readonly earliest: Measured;
  readonly latest: Measured;
}

/** In the units of proc_pid_stat(5), fields 14, 15 and 22, and of proc_uptime(5): hundredths of a second. */
function measured(pid: number): Measured {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, start = 0] = [11, 12, 19].map((index) => Number(fields[index]) * 10);
  const uptimeMs = Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1_000;
  return { cpuMs: user + system, ageMs: uptimeMs - start };
}

/** However long the processes and the reader were kept waiting, the answer lies between what was there around it. */
function expectBetween(cpuPercent: number | undefined, before: Around, now: Around): void {
  const least = (now.earliest.cpuMs - before.latest.cpuMs) / (now.latest.ageMs - before.earliest.ageMs);
  const most = (now.latest.cpuMs - before.earliest.cpuMs) / (now.earliest.ageMs - before.latest.ageMs);
  expect(least).toBeGreaterThan(0);
  expect(cpuPercent).toBeGreaterThanOrEqual(100 * least - 0.01);
  expect(cpuPercent).toBeLessThanOrEqual(100 * most + 0.01);
}

/** VmRSS of proc_pid_status(5), in bytes: exact, where the number in proc_pid_stat(5) is a few pages per processor late. */
function residentBytes(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
  );
  return kilobytes.reduce((total, each) => total + each, 0) * 1_024;
}
