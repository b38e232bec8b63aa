/*
 * How long from launch to the first answered request, and how much memory the supervisor then holds: runfcgid next
 * to Debian's supervisord, each with the same Perl FastCGI worker, and next to a Node.js that does nothing.
 * Rounds are interleaved, so that a busy moment of the machine hits everybody. Usage: node bench/start.js [ROUNDS]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contenders } from './contenders.js';
import { firstAnswer } from './first-answer.js';
import { median } from './median.js';

const goal = { startMs: 250, memoryMb: 60 };
const answerTimeoutMs = 20_000;
const stopTimeoutMs = 10_000;
/** Memory is read when the supervisor has had time to come to rest. */
const settleMs = 1000;

/** @typedef {{ startMs: number, memoryMb: number }} Sample */

await main(Number(process.argv[2] ?? 7));

/** @param {number} rounds */
async function main(rounds) {
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('usage: node bench/start.js [ROUNDS]');
  const present = contenders.filter((contender) => contender.isHere());
  for (const contender of contenders) {
    if (!present.includes(contender)) console.log(`${contender.name} is not here and is left out`);
  }
  const samples = new Map([...present.map(({ name }) => name), 'empty node'].map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of present) samples.get(contender.name)?.push(await measure(contender));
    samples.get('empty node')?.push(await measureEmptyNode());
    process.stderr.write(`round ${round} of ${rounds}\n`);
  }
  report(samples);
}

/**
 * @param {import('./contenders.js').Contender} contender
 * @returns {Promise<Sample>}
 */
async function measure(contender) {
  const directory = await mkdtemp(join(tmpdir(), 'bench-start-'));
  const { files, command, socket } = contender.prepare(directory);
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const [program = '', ...args] = command;
  const startedMs = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {Buffer[]} */
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const exited = once(child, 'exit');
  try {
    const answer = await firstAnswer(socket, AbortSignal.timeout(answerTimeoutMs));
    const startMs = performance.now() - startedMs;
    if (!answer.includes('GET /bench')) throw new Error(`unexpected answer: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    return { startMs, memoryMb: await residentMb(child.pid) };
  } catch (error) {
    throw new Error(`${contender.name} did not answer:\n${Buffer.concat(output)}`, { cause: error });
  } finally {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exited;
    clearTimeout(timer);
    await rm(directory, { recursive: true });
  }
}

/** @returns {Promise<Sample>} */
async function measureEmptyNode() {
  const startedMs = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  const startMs = performance.now() - startedMs;
  const idle = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log()']);
  const exited = once(idle, 'exit');
  await once(idle.stdout, 'data');
  const memoryMb = await residentMb(idle.pid);
  idle.stdin.end();
  await exited;
  return { startMs, memoryMb };
}

/**
 * Resident memory without the supervisor's workers (VmRSS, proc(5)).
 *
 * @param {number | undefined} pid
 */
async function residentMb(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** @param {Map<string, Sample[]>} samples */
function report(samples) {
  const own = samples.get('runfcgid') ?? [];
  const ownMs = median(own.map(({ startMs }) => startMs));
  const ownMb = median(own.map(({ memoryMb }) => memoryMb));
  console.log('| | first answer, median (min-max) | to runfcgid | resident memory | to runfcgid |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const [name, list] of samples) {
    const times = list.map(({ startMs }) => startMs);
    const ms = median(times);
    const mb = median(list.map(({ memoryMb }) => memoryMb));
    const range = `${Math.min(...times).toFixed(0)}-${Math.max(...times).toFixed(0)}`;
    console.log(
      `| ${name} | ${ms.toFixed(0)} ms (${range}) | ${(ms / ownMs).toFixed(2)} | ${mb.toFixed(1)} MB | ${(mb / ownMb).toFixed(2)} |`,
    );
  }
  console.log(`goal ${goal.startMs} ms: ${ownMs <= goal.startMs ? 'met' : 'missed'}`);
  console.log(`goal ${goal.memoryMb} MB: ${ownMb <= goal.memoryMb ? 'met' : 'missed'}`);
}
