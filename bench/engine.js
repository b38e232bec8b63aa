/*
 * How fast the Python engine answers: alone (runfcgi) and under the daemon (runfcgid), next to uWSGI and to a bare
 * accept loop in Python, each with the same application, two processes, and the same nginx in front. Rounds are
 * interleaved. The CPU column is what the contender's processes spent on a request: on a busy machine it tells more than
 * the throughput. Prints a table for docs/benchmarks.md.
 * Usage: node bench/engine.js [ROUNDS] [--seconds N] [--only ROW] [--json]
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { engineContenders, python, sites } from './engine-contenders.js';
import { isNginxHere, startNginx } from './engine-nginx.js';
import { startServer } from './engine-server.js';
import { median } from './median.js';
import { cpuMicroseconds } from './process-tree.js';
import { isWrkHere, load } from './wrk.js';

const mebibyte = 1024 * 1024;
const patienceMs = 30_000;

/** @type {readonly { name: string, site: 'plain' | 'django', path: string, clients: number, bodySize: number, expects: RegExp }[]} */
const rows = [
  {
    name: 'WSGI hello',
    site: 'plain',
    path: '/hello',
    clients: 16,
    bodySize: 0,
    expects: /^Hello, world!\n$/,
  },
  { name: 'Django page', site: 'django', path: '/', clients: 16, bodySize: 0, expects: /<h1>It works/ },
  {
    name: '1 MB response',
    site: 'plain',
    path: '/response',
    clients: 8,
    bodySize: 0,
    expects: /^x{1048576}$/,
  },
  {
    name: '1 MB upload',
    site: 'plain',
    path: '/upload',
    clients: 8,
    bodySize: mebibyte,
    expects: /^0 bytes are missing\n$/,
  },
];

/** @typedef {import('./engine-contenders.js').EngineContender} EngineContender */
/** @typedef {{ perSecond: number, p50Ms: number, p99Ms: number, cpuUs: number, failures: number }} Sample */
/** @typedef {{ row: string, contender: string, samples: Sample[] }} Series */

await main();

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(positionals[0] ?? 5);
  const seconds = Number(values.seconds);
  if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seconds) && seconds > 0)) {
    throw new Error('usage: node bench/engine.js [ROUNDS] [--seconds N] [--only ROW] [--json]');
  }
  const asked = rows.filter(({ name }) => name.includes(values.only));
  const series = await measure(asked, presentContenders(), rounds, seconds);
  if (values.json) console.log(JSON.stringify(series.map(summary), undefined, 2));
  else report(asked, series);
}

/** Those that can run here; says what is missing for the others. */
function presentContenders() {
  if (!isNginxHere()) throw new Error('nginx is missing (Debian: nginx-light)');
  if (!isWrkHere()) throw new Error('wrk is missing (Debian: wrk)');
  if (!existsSync('/usr/lib/python3/dist-packages/django')) {
    throw new Error(`Django is missing for ${python} (Debian: python3-django)`);
  }
  return engineContenders.filter(({ name, needs, from }) => {
    const isHere = existsSync(needs);
    if (!isHere) console.error(`${name} is left out: ${needs} is missing (${from})`);
    return isHere;
  });
}

/**
 * @param {typeof rows} asked
 * @param {readonly EngineContender[]} present
 * @param {number} rounds
 * @param {number} seconds
 */
async function measure(asked, present, rounds, seconds) {
  const directory = await mkdtemp(join(tmpdir(), 'bench-engine-'));
  /** @type {{ stop: () => Promise<void> }[]} */
  const started = [];
  try {
    /** @type {Map<string, number>} */
    const pids = new Map();
    for (const contender of present) {
      for (const site of sites.filter(({ name }) => asked.some((row) => row.site === name))) {
        const server = await startServer(contender, site, join(directory, slug(contender, site.name)));
        started.push(server);
        pids.set(slug(contender, site.name), server.pid);
      }
    }
    const nginx = await startNginx(
      join(directory, 'nginx'),
      present.flatMap((contender) => asked.map((row) => route(directory, contender, row))),
    );
    started.push(nginx);
    const series = asked.flatMap((row) =>
      present.map((contender) => ({ row, contender, samples: /** @type {Sample[]} */ ([]) })),
    );
    for (const { row, contender } of series) await check(nginx.url + from(contender, row), row);
    for (let round = 1; round <= rounds; round += 1) {
      for (const { row, contender, samples } of series) {
        const pid = pids.get(slug(contender, row.site)) ?? 0;
        samples.push(await sample(nginx.url + from(contender, row), row, seconds, pid));
        process.stderr.write(
          `round ${round} of ${rounds}, ${row.name}, ${contender.name}: ${samples.at(-1)?.perSecond.toFixed(0)}/s\n`,
        );
      }
    }
    return series.map(({ row, contender, samples }) => ({
      row: row.name,
      contender: contender.name,
      samples,
    }));
  } finally {
    for (const { stop } of started.reverse()) await stop();
    await rm(directory, { recursive: true });
  }
}

/**
 * @param {EngineContender} contender
 * @param {string} site
 */
function slug(contender, site) {
  return `${contender.name.replace(' ', '-')}-${site}`;
}

/**
 * @param {EngineContender} contender
 * @param {{ site: string, path: string }} row
 */
function from(contender, row) {
  return `/${slug(contender, row.site)}${row.path}`;
}

/**
 * @param {string} directory
 * @param {EngineContender} contender
 * @param {{ site: string, path: string }} row
 */
function route(directory, contender, row) {
  const socket = join(directory, slug(contender, row.site), 'app.sock');
  return { from: from(contender, row), path: row.path, socket };
}

/**
 * The first answer has to be right before it is timed.
 *
 * @param {string} url
 * @param {(typeof rows)[number]} row
 */
async function check(url, { bodySize, expects }) {
  const signal = AbortSignal.timeout(patienceMs);
  const response = await fetch(
    url,
    bodySize === 0 ? { signal } : { signal, method: 'POST', body: 'x'.repeat(bodySize) },
  );
  const text = await response.text();
  if (response.status !== 200 || !expects.test(text)) {
    throw new Error(`${url} answers ${response.status}: ${text.slice(0, 500)}`);
  }
}

/**
 * @param {string} url
 * @param {(typeof rows)[number]} row
 * @param {number} seconds
 * @param {number} pid
 * @returns {Promise<Sample>}
 */
async function sample(url, { clients, bodySize }, seconds, pid) {
  const before = await cpuMicroseconds(pid);
  const { requests, durationUs, p50Us, p99Us, failures } = await load(url, { clients, seconds, bodySize });
  const spent = (await cpuMicroseconds(pid)) - before;
  if (requests === 0) throw new Error(`${url} does not answer any more`);
  return {
    perSecond: requests / (durationUs / 1e6),
    p50Ms: p50Us / 1000,
    p99Ms: p99Us / 1000,
    cpuUs: spent / requests,
    failures,
  };
}

/** @param {Series} series */
function summary({ row, contender, samples }) {
  const of = (/** @type {keyof Sample} */ field) => median(samples.map((sample) => sample[field]));
  const failures = samples.reduce((sum, sample) => sum + sample.failures, 0);
  return {
    row,
    contender,
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuUs: of('cpuUs'),
    failures,
  };
}

/**
 * @param {typeof rows} asked
 * @param {readonly Series[]} series
 */
function report(asked, series) {
  const summaries = series.map(summary);
  console.log('| | | requests per second | to uWSGI | p50 | p99 | CPU per request | failures |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { name } of asked) {
    const list = summaries.filter(({ row }) => row === name);
    const peer = list.find(({ contender }) => contender === 'uWSGI');
    for (const { contender, perSecond, p50Ms, p99Ms, cpuUs, failures } of list) {
      const ratio = peer === undefined ? '' : (perSecond / peer.perSecond).toFixed(2);
      console.log(
        `| ${name} | ${contender} | ${perSecond.toFixed(0)} | ${ratio} | ${p50Ms.toFixed(1)} ms | ${p99Ms.toFixed(1)} ms | ${cpuUs.toFixed(0)} µs | ${failures} |`,
      );
    }
  }
}
