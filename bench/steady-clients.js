import { connect } from 'node:net';
import { join } from 'node:path';
import { completeOutput, request } from './fastcgi-bytes.js';

/** After a failure a client waits, so that nobody counts thousands of refusals in a second. */
const pauseMs = 10;
const answerTimeoutMs = 15_000;
const question = request({
  REQUEST_METHOD: 'GET',
  SCRIPT_FILENAME: join(import.meta.dirname, 'slow-starter.php'),
  SCRIPT_NAME: '',
  PATH_INFO: '/',
  QUERY_STRING: '',
  REQUEST_URI: '/',
  SERVER_NAME: 'bench',
  SERVER_PORT: '80',
  SERVER_PROTOCOL: 'HTTP/1.1',
});

/** @typedef {{ atMs: number, pid: number }} Answer */

/** Clients of a FastCGI program on a Unix socket, each with its next request as soon as it has its answer. */
export class SteadyClients {
  /** @type {Answer[]} every answer, in order */
  answers = [];
  /** Requests without a complete and right answer. */
  lost = 0;
  #isStopped = false;
  #path;
  #clients;

  /**
   * @param {string} path
   * @param {number} count
   */
  constructor(path, count) {
    this.#path = path;
    this.#clients = Promise.all(Array.from({ length: count }, () => this.#client()));
  }

  async stop() {
    this.#isStopped = true;
    await this.#clients;
  }

  async #client() {
    while (!this.#isStopped) {
      const output = await ask(this.#path);
      const pid = Number(/\r\n\r\n(\d+)\n$/.exec(output ?? '')?.[1]);
      if (Number.isInteger(pid)) {
        this.answers.push({ atMs: performance.now(), pid });
      } else {
        this.lost += 1;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }
}

/**
 * @param {string} path
 * @returns {Promise<string | undefined>} `undefined` when there is no complete answer
 */
function ask(path) {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => socket.destroy(), answerTimeoutMs);
    let received = Buffer.alloc(0);
    socket.on('connect', () => socket.write(question));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(completeOutput(received));
    });
  });
}
