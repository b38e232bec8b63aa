import { join } from 'node:path';
import { ask, get } from './ask.js';

/** After a failure a client waits, so that nobody counts thousands of refusals in a second. */
const pauseMs = 10;
const question = { ...get('/'), SCRIPT_FILENAME: join(import.meta.dirname, 'slow-starter.php') };

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
      const output = await ask(this.#path, question);
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
