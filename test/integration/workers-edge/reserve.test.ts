import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { isAlive, readProcess } from '../../../src/host/process-table.ts';
import type { LaunchRequest } from '../../../src/workers/launcher.ts';
import { Reaper } from '../../../src/workers/reaper.ts';
import type { Reserve } from '../../../src/workers/reserve.ts';
import { Standby } from '../../../src/workers/standby.ts';
import { readLedger } from '../../../src/workers/worker-ledger.ts';
import { ForkedSite } from './forked-site.ts';
import { until } from './launched-worker.ts';

const reaper = new Reaper(systemClock, () => undefined);
let site: ForkedSite;

beforeAll(() => {
  reaper.start();
  return () => reaper.stop();
});

afterEach(() => site.close());

const unheard = {
  onSpawned: () => {},
  onSpawnFailed: () => {},
  onLastWords: () => {},
  onExit: () => {},
  onLine: () => {},
  onMessage: () => {},
  onTrace: () => {},
};

const ourDescriptors = (): number => readdirSync('/proc/self/fd').length;

test('the next worker is the process that waited, and another waits then', async () => {
  site = new ForkedSite();
  const first = await site.ready();
  const reserve = await site.reserve();
  first.process.killTree();
  await first.ended();
  const second = site.launch();
  expect(second.pid).toBe(reserve);
  await site.ready(second);
  expect(await site.ask()).toBe(reserve);
  expect(await site.reserve()).not.toBe(reserve);
});

test('a reserve holds no listen socket, and is in no ledger', async () => {
  site = new ForkedSite();
  const worker = await site.ready();
  const reserve = await site.reserve();
  const listening = `socket:[${fstatSync(site.listenFd).ino}]`;
  const held = (pid: number): readonly string[] =>
    readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  expect(held(worker.pid)).toContain(listening);
  expect(held(reserve)).not.toContain(listening);
  expect(readLedger(site.ledgerFile).workers.map(({ pid }) => pid)).toEqual([site.serverPid, worker.pid]);
});

test('a reserve that dies before it is wanted is replaced, and who wants one meanwhile gets a worker', async () => {
  site = new ForkedSite();
  await site.ready();
  const reserve = await site.reserve();
  process.kill(reserve, 'SIGKILL');
  // At once: the fork server may or may not have told of it.
  while (![undefined, 'Z'].includes(readProcess(reserve)?.state)) await setImmediate();
  const worker = await site.ready();
  expect(worker.pid).not.toBe(reserve);
  const next = await site.reserve(reserve);
  expect((await site.ready()).pid).toBe(next);
});

test('a reserve that hangs when it is wanted can be killed like any worker that does not start', async () => {
  site = new ForkedSite();
  await site.ready();
  const reserve = await site.reserve();
  process.kill(reserve, 'SIGSTOP');
  const worker = site.launch();
  expect(worker.pid).toBe(reserve);
  worker.process.killTree();
  expect(await worker.ended()).toEqual({ kind: 'signaled', signal: 'SIGKILL' });
  await site.ready();
});

test('a reserve that has not gone to sleep is left to it, and is launched when it has', async () => {
  site = new ForkedSite();
  const { plan, listenFd } = site;
  const asked: Reserve[] = [];
  const standby = new Standby({ clock: systemClock, nextId: () => 1, ask: (reserve) => asked.push(reserve) });
  standby.noteLaunched(plan);
  await until(() => asked.length === 1, 'a reserve is asked for');
  const [reserve] = asked;
  const [theirEnd] = reserve?.command.descriptors ?? [];
  // A number that no process has (PID_MAX_LIMIT, proc_sys_kernel(5)).
  standby.noteSpawned({ pid: 4_194_305, startTime: 0 });
  const request: LaunchRequest = { ...unheard, plan, listenFd, marker: 'test/1:0' };
  expect(standby.launch(request)).toBeUndefined();
  writeSync(theirEnd ?? -1, '.');
  expect(standby.launch(request)).toBe(reserve);
  reserve?.closeTheirEnds();
  reserve?.stdio.discard();
});

test('a reserve of another plan is thrown away', async () => {
  site = new ForkedSite();
  await site.ready();
  const reserve = await site.reserve();
  const worker = await site.ready(site.launch(site.createPlan()));
  expect(worker.pid).not.toBe(reserve);
  await until(() => readProcess(reserve) === undefined, 'its end');
  await site.reserve();
});

/** Whoever has ended may not have been collected yet. */
function runs(pid: number): boolean {
  const row = readProcess(pid);
  return row !== undefined && isAlive(row);
}

test('a reserve ends with its fork server, and is gone when that is', async () => {
  site = new ForkedSite();
  const before = ourDescriptors();
  const worker = await site.ready();
  const reserve = await site.reserve();
  site.forks.end();
  await site.servers.ended();
  expect(runs(reserve)).toBe(false);
  expect(await site.ask()).toBe(worker.pid);
  worker.process.killTree();
  await worker.ended();
  await until(() => ourDescriptors() <= before, 'as few descriptors as before');
});

test('a reserve that is stopped does not keep a fork server from ending', async () => {
  site = new ForkedSite();
  await site.ready();
  const reserve = await site.reserve();
  process.kill(reserve, 'SIGSTOP');
  site.forks.end();
  await site.servers.ended();
  expect(runs(reserve)).toBe(false);
});

test('a reserve is gone after the death of its fork server, and the workers serve on', async () => {
  site = new ForkedSite();
  const worker = await site.ready();
  const reserve = await site.reserve();
  process.kill(site.serverPid, 'SIGKILL');
  await until(() => readProcess(reserve) === undefined, 'its end');
  expect(await site.ask()).toBe(worker.pid);
});

test('a fork server that names somebody else as the reserve is killed, and that one is left in peace', async () => {
  const victim = spawn('sleep', ['60']);
  const message = JSON.stringify({ event: 'spawned', id: 2, pid: victim.pid });
  site = new ForkedSite(`
import os
forks = []
def lie():
    forks.append(1)
    if len(forks) == 2: os.write(3, b'${message}\\n')
os.register_at_fork(after_in_parent=lie)`);
  const worker = await site.ready();
  const server = site.serverPid;
  await until(() => site.forks.isLost, 'the loss');
  expect(readProcess(server)).toBeUndefined();
  expect(await site.ask()).toBe(worker.pid);
  expect(victim.kill('SIGTERM')).toBe(true);
  expect(await once(victim, 'exit')).toEqual([null, 'SIGTERM']);
});

test('twenty workers that are killed one after another are each followed by another, and nothing stays open', async () => {
  site = new ForkedSite();
  let worker = await site.ready();
  await site.reserve();
  const before = ourDescriptors();
  const pids = new Set([worker.pid]);
  for (let round = 0; round < 20; round += 1) {
    if (round % 4 === 0) await site.reserve();
    worker.process.killTree();
    await worker.ended();
    worker = await site.ready();
    pids.add(worker.pid);
  }
  expect(pids.size).toBe(21);
  await site.reserve();
  await until(() => ourDescriptors() <= before, 'as few descriptors as before');
});
