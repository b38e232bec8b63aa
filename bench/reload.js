/*
 * What a reload costs the clients of a site: runfcgid next to Debian's supervisord, php-fpm and uWSGI, each with four
 * workers that take 2 ms for an answer, under the same load on a Unix socket, with a worker that starts quickly and
 * with one that takes half a second. Rounds are interleaved. Prints a table for docs/benchmarks.md.
 * Usage: node bench/reload.js [ROUNDS]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstAnswer } from './first-answer.js';
import { median } from './median.js';
import { reloadContenders, workers } from './reload-contenders.js';
import { SteadyClients } from './steady-clients.js';

const clients = 8;
const startUps = [0, 0.5];
/** Looked at before the reload, for the longest undisturbed gap, and after it is over. */
const calmMs = 1_500;
const patienceMs = 30_000;
const stopTimeoutMs = 15_000;

/** @typedef {import('./reload-contenders.js').ReloadContender} ReloadContender */
/** @typedef {import('./steady-clients.js').Answer} Answer */
/** @typedef {{ lost: number, calmGapMs: number, gapMs: number, allNewMs: number }} Sample */

await main(Number(process.argv[2] ?? 5));

/** @param {number} rounds */
async function main(rounds) {
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('usage: node bench/reload.js [ROUNDS]');
  const present = reloadContenders.filter((contender) => contender.isHere());
  for (const { name } of reloadContenders.filter((contender) => !present.includes(contender))) {
    console.log(`${name} is not here and is left out`);
  }
  /** @type {Map<string, Sample[]>} */
  const samples = new Map();
  /** @type {Map<number, number[]>} */
  const alone = new Map(startUps.map((startSeconds) => [startSeconds, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const startSeconds of startUps) {
      alone.get(startSeconds)?.push(await startAlone(startSeconds));
      for (const contender of present) {
        const key = `${contender.name} | ${startSeconds}`;
        samples.set(key, [...(samples.get(key) ?? []), await measure(contender, startSeconds)]);
      }
    }
    process.stderr.write(`round ${round} of ${rounds}\n`);
  }
  report(present, samples, alone);
}

/**
 * @param {ReloadContender} contender
 * @param {number} startSeconds
 * @returns {Promise<Sample>}
 */
async function measure(contender, startSeconds) {
  const directory = await mkdtemp(join(tmpdir(), 'bench-reload-'));
  const place = { directory, socket: join(directory, 'app.sock'), startSeconds };
  for (const [name, content] of Object.entries(contender.files(place))) {
    await writeFile(join(directory, name), content);
  }
  const [program = '', ...args] = contender.command(place);
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, START_SECONDS: String(startSeconds) },
  });
  const exited = once(child, 'exit');
  const load = new SteadyClients(place.socket, clients);
  try {
    await until(() => distinct(load.answers) === workers, contender.name);
    return await reloadUnderLoad(load, () => contender.reload(place, Number(child.pid)), contender.name);
  } finally {
    await load.stop();
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exited;
    clearTimeout(timer);
    await rm(directory, { recursive: true });
  }
}

/**
 * @param {SteadyClients} load
 * @param {() => Promise<void> | void} reload
 * @param {string} name
 * @returns {Promise<Sample>}
 */
async function reloadUnderLoad(load, reload, name) {
  load.answers = [];
  load.lost = 0;
  await sleep(calmMs);
  const calm = load.answers;
  const old = new Set(calm.map(({ pid }) => pid));
  const startedMs = performance.now();
  const done = reload();
  const isOver = () => {
    const fresh = load.answers.filter(({ pid }) => !old.has(pid));
    const lastOldMs = load.answers.findLast(({ pid }) => old.has(pid))?.atMs ?? 0;
    return distinct(fresh) >= workers && performance.now() - lastOldMs > calmMs;
  };
  await until(isOver, name);
  await done;
  const { answers, lost } = load;
  const before = answers.filter(({ atMs }) => atMs < startedMs);
  const after = answers.filter(({ atMs }) => atMs >= startedMs);
  const [last] = before.slice(-1);
  return {
    lost,
    calmGapMs: longestGap(before),
    gapMs: longestGap(last === undefined ? after : [last, ...after]),
    allNewMs: allNewAt(after, old) - startedMs,
  };
}

/**
 * When the last of the new workers had answered and no old one did any more.
 *
 * @param {readonly Answer[]} answers
 * @param {ReadonlySet<number>} old
 */
function allNewAt(answers, old) {
  /** @type {Map<number, number>} */
  const firstAnswers = new Map();
  let lastOldMs = 0;
  for (const { atMs, pid } of answers) {
    if (old.has(pid)) lastOldMs = atMs;
    else if (!firstAnswers.has(pid)) firstAnswers.set(pid, atMs);
  }
  const inOrder = [...firstAnswers.values()].sort((one, other) => one - other);
  return Math.max(lastOldMs, inOrder[workers - 1] ?? Number.NaN);
}

/**
 * From the launch of as many workers to the first answer of the last of them, without a supervisor and without load.
 *
 * @param {number} startSeconds
 */
async function startAlone(startSeconds) {
  const directory = await mkdtemp(join(tmpdir(), 'bench-reload-'));
  const sockets = Array.from({ length: workers }, (_, index) => join(directory, `${index}.sock`));
  const startedMs = performance.now();
  const children = sockets.map((socket) =>
    spawn(join(import.meta.dirname, 'slow-starter.pl'), [socket], {
      stdio: 'ignore',
      env: { ...process.env, START_SECONDS: String(startSeconds) },
    }),
  );
  try {
    await Promise.all(sockets.map((socket) => firstAnswer(socket, AbortSignal.timeout(patienceMs))));
    return performance.now() - startedMs;
  } finally {
    for (const child of children) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await rm(directory, { recursive: true });
  }
}

/**
 * @param {readonly ReloadContender[]} present
 * @param {ReadonlyMap<string, Sample[]>} samples
 * @param {ReadonlyMap<number, number[]>} alone
 */
function report(present, samples, alone) {
  console.log(
    '| reload | start-up of a worker | requests lost | longest time without any answer | undisturbed | all workers new after |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const startSeconds of startUps) {
    for (const { name } of present) {
      const list = samples.get(`${name} | ${startSeconds}`) ?? [];
      const ms = (/** @type {keyof Sample} */ field) =>
        `${median(list.map((sample) => sample[field])).toFixed(0)} ms`;
      const lost = median(list.map((sample) => sample.lost));
      const label = startSeconds === 0 ? 'quick' : `${startSeconds * 1_000} ms`;
      console.log(
        `| ${name} | ${label} | ${lost} | ${ms('gapMs')} | ${ms('calmGapMs')} | ${ms('allNewMs')} |`,
      );
    }
  }
  for (const [startSeconds, list] of alone) {
    console.log(
      `\n${workers} Perl workers with ${startSeconds} s start without a supervisor and without load in ${median(list).toFixed(0)} ms.`,
    );
  }
}

/** @param {readonly Answer[]} answers */
function longestGap(answers) {
  let longest = 0;
  for (const [index, { atMs }] of answers.entries()) {
    longest = Math.max(longest, (answers[index + 1]?.atMs ?? atMs) - atMs);
  }
  return longest;
}

/** @param {readonly Answer[]} answers */
function distinct(answers) {
  return new Set(answers.map(({ pid }) => pid)).size;
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * @param {() => boolean} isSo
 * @param {string} name
 */
async function until(isSo, name) {
  const endMs = performance.now() + patienceMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`${name}: not over after ${patienceMs} ms`);
    await sleep(10);
  }
}
