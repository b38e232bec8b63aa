import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { AddressWatch } from '../../../src/pools/address-watch.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { FakeLog } from '../../helpers/fake-log.ts';
import { until } from '../../helpers/until.ts';

let directory: string;
let run: string;
let address: string;
let hints: number;
let watch: AddressWatch;
let log: FakeLog;
const servers: Server[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'address-'));
  run = join(directory, 'run');
  mkdirSync(run);
  address = join(run, 'site.sock');
  hints = 0;
  log = new FakeLog();
  watch = open(systemClock);
});

afterEach(async () => {
  watch.close();
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed));
  rmSync(directory, { recursive: true });
  expect(log.lines).toEqual([]);
});

function open(clock: typeof systemClock): AddressWatch {
  return new AddressWatch({ onHint: () => (hints += 1), clock, log });
}

/** Publishes a socket as the daemon does: a link to a private name is renamed to the address. */
async function publish(name: string): Promise<void> {
  const server = createServer();
  servers.push(server);
  const path = join(directory, name);
  await new Promise<void>((listening) => server.listen(path, listening));
  linkSync(path, `${address}.new`);
  renameSync(`${address}.new`, address);
}

/** Follows the address until all hints of the beginning have come. */
async function follow(): Promise<void> {
  watch.follow([address]);
  await until(() => hints > 0);
  await rest();
}

/** Everything heard up to now has been dealt with: a change of our own is heard after it. */
async function rest(): Promise<void> {
  const before = hints;
  chmodSync(address, 0o600);
  await until(() => hints > before);
  await settle();
}

async function settle(): Promise<void> {
  let seen = -1;
  while (seen !== hints) {
    seen = hints;
    for (let turns = 0; turns < 200; turns += 1) await turn();
  }
}

async function hears(change: () => unknown): Promise<void> {
  const before = hints;
  await change();
  await until(() => hints > before);
}

test('an address that is deleted, or taken over by a rename, is heard of', async () => {
  await publish('one');
  await follow();
  await hears(() => unlinkSync(address));
  await hears(() => publish('two'));
  await rest();
  await hears(() => publish('three'));
  await rest();
  await hears(() => unlinkSync(address));
});

test('a directory that is removed and made anew is watched anew', async () => {
  await publish('one');
  await follow();
  for (const name of ['two', 'three']) {
    await hears(() => rmSync(run, { recursive: true }));
    await hears(() => mkdirSync(run));
    await hears(() => publish(name));
    await rest();
    await hears(() => unlinkSync(address));
    await hears(() => publish(`${name} again`));
  }
  await hears(() => renameSync(run, `${run}.old`));
});

test("other files in the directory are nobody's business", async () => {
  await publish('one');
  await follow();
  const before = hints;
  for (let count = 0; count < 20; count += 1) writeFileSync(join(run, `other${count}`), 'x');
  rmSync(join(run, 'other1'));
  expect(hints).toBe(before);
  // One more hint for our own change, and none for those before it.
  chmodSync(address, 0o600);
  await until(() => hints > before);
  await rest();
  await hears(() => unlinkSync(address));
});

test('an address that nobody follows any more is not heard of', async () => {
  await publish('one');
  await follow();
  watch.follow([]);
  // The ways are walked to the end: with that the last watch is given up, and the last hint given.
  await until(() => !process.getActiveResourcesInfo().includes('FSEventWrap'));
  await settle();
  const before = hints;
  unlinkSync(address);
  await publish('two');
  for (let turns = 0; turns < 200; turns += 1) await turn();
  expect(hints).toBe(before);
});

test('where the kernel gives no more watches, the addresses are looked at now and then', async () => {
  watch.close();
  const clock = new FakeClock();
  const exhausted = new FakeLog();
  watch = new AddressWatch({
    onHint: () => {
      hints += 1;
    },
    clock,
    log: exhausted,
    watch: () => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    },
  });
  await publish('one');
  watch.follow([address]);
  await until(() => hints > 0);
  for (let look = 0; look < 3; look += 1) {
    for (let turns = 0; turns < 200; turns += 1) await turn();
    await hears(() => clock.advance(10_000));
  }
  expect(exhausted.of('address.unwatched')).toMatchObject([{ level: 'warn', reason: 'ENOSPC' }]);
});
