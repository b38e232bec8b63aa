/*
 * How long a site does without a worker that was killed: all workers but one are kept busy, the free one gets SIGKILL,
 * and the next request, sent at once, is answered by its successor. The demo's Django site under runfcgid with and
 * without the fork server and under uWSGI, and a PHP script under php-fpm. Rounds are interleaved, so that each worker
 * has lived long enough before it is killed.
 * Usage: node bench/respawn.js [ROUNDS] [--json]
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ask } from './ask.js';
import { djangoContenders, phpContender } from './django-contenders.js';
import { djangoSite } from './engine-contenders.js';
import { startServer } from './engine-server.js';
import { median } from './median.js';

const workers = 4;
const goal = 2;
/** The others are busy for so long; nothing takes longer to come back. */
const busySeconds = 5;
/** Shorter lives count as early deaths: their successors would be delayed. */
const lifeMs = 11_000;

/** @typedef {import('./django-contenders.js').DjangoContender} DjangoContender */
/** @typedef {{ contender: DjangoContender, socket: string, stop: () => Promise<void>, samples: number[] }} Seat */

await main();

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const rounds = Number(positionals[0] ?? 9);
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error('usage: node bench/respawn.js [ROUNDS] [--json]');
  }
  const present = [...djangoContenders(workers), phpContender(workers)].filter(({ name, needs, from }) => {
    const isHere = existsSync(needs);
    if (!isHere) console.error(`${name} is left out: ${needs} is missing (${from})`);
    return isHere;
  });
  const directory = await mkdtemp(join(tmpdir(), 'bench-respawn-'));
  /** @type {Seat[]} */
  const seats = [];
  try {
    for (const [index, contender] of present.entries()) {
      const { stop } = await startServer(contender, djangoSite, join(directory, String(index)));
      seats.push({ contender, socket: join(directory, String(index), 'app.sock'), stop, samples: [] });
    }
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(lifeMs);
      for (const seat of seats) {
        seat.samples.push(await respawnMs(seat));
        process.stderr.write(
          `round ${round} of ${rounds}, ${seat.contender.name}: ${seat.samples.at(-1)?.toFixed(1)} ms\n`,
        );
      }
    }
    report(seats, values.json);
  } finally {
    for (const { stop } of seats) await stop();
    await rm(directory, { recursive: true });
  }
}

/** @param {Seat} seat */
async function respawnMs({ contender, socket }) {
  const busy = Array.from({ length: workers - 1 }, () => ask(socket, contender.busy(busySeconds)));
  const busyUntilMs = performance.now() + busySeconds * 1_000;
  const victim = await loneWorker(contender, socket);
  process.kill(victim, 'SIGKILL');
  const killedMs = performance.now();
  while (isAlive(victim)) await new Promise((resolve) => setImmediate(resolve));
  const successor = await whoAnswers(contender, socket);
  const answeredMs = performance.now();
  if (answeredMs >= busyUntilMs || successor === victim) {
    throw new Error(
      `${contender.name}: worker ${successor} answered after ${victim} was killed, too late to tell`,
    );
  }
  await Promise.all(busy);
  return answeredMs - killedMs;
}

/**
 * A worker may still accept while it dies, and what it accepted is lost.
 *
 * @param {number} pid
 */
function isAlive(pid) {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * The only worker that is not busy: the same one answers several times in a row.
 *
 * @param {DjangoContender} contender
 * @param {string} socket
 */
async function loneWorker(contender, socket) {
  let pid = await whoAnswers(contender, socket);
  for (let times = 1; times < 20; times += 1) {
    const next = await whoAnswers(contender, socket);
    if (next !== pid) times = 0;
    pid = next;
  }
  return pid;
}

/**
 * @param {DjangoContender} contender
 * @param {string} socket
 */
async function whoAnswers(contender, socket) {
  const answer = await ask(socket, contender.who);
  const pid = /"pid": (\d+)/.exec(answer ?? '')?.[1];
  if (pid === undefined) throw new Error(`${contender.name} answers: ${answer}`);
  return Number(pid);
}

/**
 * @param {readonly Seat[]} seats
 * @param {boolean} asJson
 */
function report(seats, asJson) {
  const peer = seats.find(({ contender }) => contender.name === 'php-fpm');
  const peerMs = peer === undefined ? undefined : median(peer.samples);
  const rows = seats.map(({ contender, samples }) => {
    const ms = median(samples);
    const [least, most] = [Math.min(...samples), Math.max(...samples)];
    return { name: contender.name, ms, least, most, toPhpFpm: peerMs === undefined ? null : ms / peerMs };
  });
  if (asJson) {
    console.log(JSON.stringify(rows, undefined, 2));
    return;
  }
  console.log('| | next answer after, median (min-max) | to php-fpm |');
  console.log('| --- | --- | --- |');
  for (const { name, ms, least, most, toPhpFpm } of rows) {
    console.log(
      `| ${name} | ${ms.toFixed(1)} ms (${least.toFixed(1)}-${most.toFixed(1)}) | ${toPhpFpm?.toFixed(2) ?? ''} |`,
    );
  }
  const own = rows[0]?.toPhpFpm;
  if (typeof own === 'number')
    console.log(`goal below ${goal} times php-fpm: ${own < goal ? 'met' : 'missed'}`);
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
