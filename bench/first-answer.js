import { connect } from 'node:net';
import { completeOutput, request } from './fastcgi-bytes.js';

const retryMs = 1;

/**
 * Asks a FastCGI program on a Unix socket until it answers: retries while nobody listens, then waits for the end of
 * the answer. Written by hand, so that no contender's own code takes part in the measurement.
 *
 * @param {string} path
 * @param {AbortSignal} signal ends the waiting
 * @returns {Promise<string>} what the program wrote
 */
export async function firstAnswer(path, signal) {
  for (;;) {
    signal.throwIfAborted();
    const answer = await tryOnce(path, signal);
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<string | undefined>} `undefined` when there is no complete answer
 */
function tryOnce(path, signal) {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const giveUp = () => socket.destroy();
    signal.addEventListener('abort', giveUp);
    let received = Buffer.alloc(0);
    socket.on('connect', () => socket.write(request({ REQUEST_METHOD: 'GET', REQUEST_URI: '/bench' })));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const output = completeOutput(received);
      if (output === undefined) return;
      socket.destroy();
      resolve(output);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      signal.removeEventListener('abort', giveUp);
      resolve(undefined);
    });
  });
}
