/*
 * What eight Django workers cost in memory: the proportional share (PSS, proc(5)) of all processes of the site, the
 * workers and whatever they are forked from, but not the daemon, which serves any number of sites. Each has answered
 * its requests before. runfcgid with and without the fork server, uWSGI with and without --lazy-apps.
 * Usage: node bench/memory.js [ROUNDS] [--json]
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ask, get } from './ask.js';
import { djangoContenders } from './django-contenders.js';
import { djangoSite } from './engine-contenders.js';
import { startServer } from './engine-server.js';
import { median } from './median.js';
import { processTree } from './process-tree.js';

const workers = 8;
const clients = 16;
const requestsPerWorker = 200;
const pages = ['/', '/worker/', '/worker.json', '/upload/', '/nowhere'];

/** @typedef {import('./django-contenders.js').DjangoContender} DjangoContender */

await main();

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const rounds = Number(positionals[0] ?? 3);
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error('usage: node bench/memory.js [ROUNDS] [--json]');
  }
  const present = djangoContenders(workers).filter(({ name, needs, from }) => {
    const isHere = existsSync(needs);
    if (!isHere) console.error(`${name} is left out: ${needs} is missing (${from})`);
    return isHere;
  });
  /** @type {Map<string, number[]>} */
  const samples = new Map(present.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of present) {
      const megabytes = await measure(contender);
      samples.get(contender.name)?.push(megabytes);
      process.stderr.write(`round ${round} of ${rounds}, ${contender.name}: ${megabytes.toFixed(1)} MB\n`);
    }
  }
  report(samples, values.json);
}

/** @param {DjangoContender} contender */
async function measure(contender) {
  const directory = await mkdtemp(join(tmpdir(), 'bench-memory-'));
  const { pid, stop } = await startServer(contender, djangoSite, directory);
  try {
    const socket = join(directory, 'app.sock');
    let left = workers * requestsPerWorker;
    const client = async () => {
      while (left > 0) {
        left -= 1;
        const answer = await ask(socket, get(pages[left % pages.length] ?? '/'));
        if (answer === undefined) throw new Error(`${contender.name} does not answer`);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    let kilobytes = 0;
    for (const member of await processTree(pid)) {
      const program = await readlink(`/proc/${member}/exe`);
      if (program !== process.execPath) kilobytes += await proportionalKilobytes(member);
    }
    return kilobytes / 1024;
  } finally {
    await stop();
    await rm(directory, { recursive: true });
  }
}

/** @param {number} pid */
async function proportionalKilobytes(pid) {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1]);
}

/**
 * @param {ReadonlyMap<string, readonly number[]>} samples
 * @param {boolean} asJson
 */
function report(samples, asJson) {
  const unshared = median(samples.get('runfcgid, preload = false') ?? []);
  const peer = median(samples.get('uWSGI') ?? []);
  const rows = [...samples].map(([name, list]) => {
    const megabytes = median(list);
    return { name, megabytes, toUnshared: megabytes / unshared, toUwsgi: megabytes / peer };
  });
  if (asJson) {
    console.log(JSON.stringify(rows, undefined, 2));
    return;
  }
  console.log(`| ${workers} Django workers | PSS of all | to preload = false | to uWSGI |`);
  console.log('| --- | --- | --- | --- |');
  for (const { name, megabytes, toUnshared, toUwsgi } of rows) {
    const ratios = [toUnshared, toUwsgi].map((ratio) => (Number.isNaN(ratio) ? '' : ratio.toFixed(2)));
    console.log(`| ${name} | ${megabytes.toFixed(1)} MB | ${ratios.join(' | ')} |`);
  }
}
