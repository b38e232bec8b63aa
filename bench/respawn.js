/*
 * How long a site does without a worker that was killed: all workers but one are kept busy, and the free one gets
 * SIGKILL. Then, as soon as it is dead, either its successor is asked about itself (FCGI_GET_VALUES), which shows that it
 * accepts and needs no application, or for a page; one kill can show only one of the two. The demo's Django site under
 * runfcgid with and without the fork server and under uWSGI, and a PHP script under php-fpm. Rounds are interleaved, so
 * that each worker has lived long enough before it is killed.
 * Usage: node bench/respawn.js [ROUNDS] [--json]
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ask, askForValues } from './ask.js';
import { djangoContenders, phpContender } from './django-contenders.js';
import { djangoSite } from './engine-contenders.js';
import { startServer } from './engine-server.js';
import { median } from './median.js';

const workers = 4;
const goal = 2;
/** The others are busy for so long; nothing takes longer to come back. */
const busySeconds = 3;
/** How often it is looked whether the victim is dead. */
const lookMs = 0.05;
const nobody = new Int32Array(new SharedArrayBuffer(4));
/** Shorter lives count as early deaths: their successors would be delayed. */
const lifeMs = 11_000;

/** @typedef {import('./django-contenders.js').DjangoContender} DjangoContender */
/** @typedef {'accepts' | 'page'} Measure what is asked of the successor */
/**
 * @typedef {{
 *   contender: DjangoContender,
 *   socket: string,
 *   stop: () => Promise<void>,
 *   samples: Record<Measure, number[]>,
 *   answersValues: boolean,
 * }} Seat
 */

/** @type {readonly Measure[]} */
const measures = ['accepts', 'page'];

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
      const socket = join(directory, String(index), 'app.sock');
      seats.push({ contender, socket, stop, samples: { accepts: [], page: [] }, answersValues: true });
    }
    for (const seat of seats) {
      seat.answersValues = await askForValues(seat.socket);
      if (!seat.answersValues) console.error(`${seat.contender.name} does not answer FCGI_GET_VALUES`);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const measure of measures) {
        await sleep(lifeMs);
        for (const seat of seats) {
          if (measure === 'accepts' && !seat.answersValues) continue;
          const ms = await respawnMs(seat, measure);
          seat.samples[measure].push(ms);
          process.stderr.write(
            `round ${round} of ${rounds}, ${measure}, ${seat.contender.name}: ${ms.toFixed(1)} ms\n`,
          );
        }
      }
    }
    report(seats, values.json);
  } finally {
    for (const { stop } of seats) await stop();
    await rm(directory, { recursive: true });
  }
}

/**
 * @param {Seat} seat
 * @param {Measure} measure
 */
async function respawnMs({ contender, socket }, measure) {
  const busy = Array.from({ length: workers - 1 }, () => ask(socket, contender.busy(busySeconds)));
  const busyUntilMs = performance.now() + busySeconds * 1_000;
  const victim = await loneWorker(contender, socket);
  process.kill(victim, 'SIGKILL');
  const killedMs = performance.now();
  // Asleep between the looks: the processor is for those that are measured.
  while (isAlive(victim)) Atomics.wait(nobody, 0, 0, lookMs);
  const hasAccepted = measure === 'page' || (await askForValues(socket));
  const acceptedMs = performance.now();
  const successor = await whoAnswers(contender, socket);
  const answeredMs = performance.now();
  if (!hasAccepted) throw new Error(`${contender.name}: the successor of ${victim} did not answer`);
  if (answeredMs >= busyUntilMs || successor === victim) {
    throw new Error(
      `${contender.name}: worker ${successor} answered after ${victim} was killed, too late to tell`,
    );
  }
  await Promise.all(busy);
  return (measure === 'page' ? answeredMs : acceptedMs) - killedMs;
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
  const rows = seats.map(({ contender, samples }) => ({
    name: contender.name,
    accepts: summary(samples.accepts, peer?.samples.accepts),
    page: summary(samples.page, peer?.samples.page),
  }));
  if (asJson) {
    console.log(JSON.stringify(rows, undefined, 2));
    return;
  }
  console.log('| | accepts again after, median (min-max) | to php-fpm | next page after | to php-fpm |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const { name, accepts, page } of rows) console.log(`| ${name} | ${cells(accepts)} | ${cells(page)} |`);
  const own = rows[0]?.accepts?.toPhpFpm;
  if (typeof own === 'number')
    console.log(`goal, accepts again below ${goal} times php-fpm: ${own < goal ? 'met' : 'missed'}`);
}

/** @typedef {{ ms: number, least: number, most: number, toPhpFpm: number | null }} Summary */

/**
 * @param {readonly number[]} samples
 * @param {readonly number[] | undefined} peers
 * @returns {Summary | null} `null` where nothing could be measured
 */
function summary(samples, peers) {
  if (samples.length === 0) return null;
  const ms = median(samples);
  return {
    ms,
    least: Math.min(...samples),
    most: Math.max(...samples),
    toPhpFpm: peers === undefined ? null : ms / median(peers),
  };
}

/** @param {Summary | null} summary */
function cells(summary) {
  if (summary === null) return '- | -';
  const { ms, least, most, toPhpFpm } = summary;
  return `${ms.toFixed(1)} ms (${least.toFixed(1)}-${most.toFixed(1)}) | ${toPhpFpm?.toFixed(2) ?? ''}`;
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
