import { connect } from 'node:net';

const retryMs = 1;
const endRequestType = 3;

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

/** @param {Record<string, string>} params each name and value shorter than 128 bytes */
function request(params) {
  const pairs = Object.entries(params).map(([name, value]) =>
    Buffer.concat([Buffer.of(name.length, value.length), Buffer.from(name + value)]),
  );
  return Buffer.concat([
    record(1, Buffer.of(0, 1, 0, 0, 0, 0, 0, 0)),
    record(4, Buffer.concat(pairs)),
    record(4, Buffer.alloc(0)),
    record(5, Buffer.alloc(0)),
  ]);
}

/**
 * @param {number} type
 * @param {Buffer} content
 */
function record(type, content) {
  const header = Buffer.of(1, type, 0, 1, 0, 0, 0, 0);
  header.writeUInt16BE(content.length, 4);
  return Buffer.concat([header, content]);
}

/** @param {Buffer} bytes */
function completeOutput(bytes) {
  let output = '';
  for (let offset = 0; offset + 8 <= bytes.length; ) {
    const type = bytes.readUInt8(offset + 1);
    const end = offset + 8 + bytes.readUInt16BE(offset + 4);
    if (type === endRequestType) return output;
    if (type === 6) output += bytes.toString('utf8', offset + 8, end);
    offset = end + bytes.readUInt8(offset + 6);
  }
  return undefined;
}
