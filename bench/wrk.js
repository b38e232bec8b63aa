import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const program = '/usr/bin/wrk';

/** @typedef {{ requests: number, durationUs: number, p50Us: number, p99Us: number, failures: number }} Load */

export function isWrkHere() {
  return existsSync(program);
}

/**
 * Clients that keep their connection to the web server, each with its next request as soon as it has its answer.
 *
 * @param {string} url
 * @param {{ clients: number, seconds: number, bodySize: number }} options a body makes it a POST
 * @returns {Promise<Load>}
 */
export async function load(url, { clients, seconds, bodySize }) {
  const words = ['--threads', '1', '--connections', String(clients), '--duration', `${seconds}s`];
  const child = spawn(program, [...words, '--script', join(import.meta.dirname, 'wrk.lua'), url], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BODY_SIZE: String(bodySize) },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await once(child, 'close');
  const report = /^\{.*\}$/m.exec(output)?.[0];
  if (report === undefined) throw new Error(`wrk says nothing of ${url}:\n${output}`);
  return JSON.parse(report);
}
