import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, type HttpAnswer } from './http-client.ts';
import type { Nginx } from './nginx.ts';

export interface SteadyLoadOptions {
  readonly nginx: Nginx;
  /** Each sends its next request when it has its answer. */
  readonly clients: number;
  /** The path and query of request number `count`; the default mixes short requests with slow ones. */
  readonly path?: (count: number) => string;
  /** Who answered, or `undefined` for a body that is not the answer to this path. */
  readonly reader?: (answer: HttpAnswer, path: string) => string | undefined;
}

const requestTimeoutMs = 60_000;
const newline = 10;

/** Clients that go on until they are stopped, and count what became of every request. */
export class SteadyLoad {
  readonly tally: Record<string, number> = {};
  /** What is wrong with the first few requests that are not `ok`. */
  readonly complaints: string[] = [];
  readonly #options: SteadyLoadOptions;
  readonly #agent: Agent;
  readonly #clients: Promise<unknown>;
  #count = 0;
  #isStopped = false;
  readonly #replaced = new Set<string>();

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.clients });
    this.#clients = Promise.all(Array.from({ length: options.clients }, () => this.#client()));
  }

  get answered(): number {
    return Object.values(this.tally).reduce((sum, count) => sum + count, 0);
  }

  /** These must not answer a request that begins from now on: it would count as `stale`. */
  expectNoMoreFrom(servers: readonly (string | number)[]): void {
    for (const server of servers) this.#replaced.add(String(server));
  }

  /** Waits until so many more requests have been answered. */
  async goOn(requests: number, deadlineMs = 90_000): Promise<void> {
    const goal = this.answered + requests;
    const endMs = performance.now() + deadlineMs;
    while (this.answered < goal) {
      if (performance.now() > endMs) throw new Error(`only ${JSON.stringify(this.tally)} of ${goal}`);
      await sleep(5);
    }
  }

  /** Lets every client finish its request. Returns the tally. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    this.#isStopped = true;
    await this.#clients;
    this.#agent.destroy();
    return this.tally;
  }

  async #client(): Promise<void> {
    while (!this.#isStopped) {
      const path = (this.#options.path ?? mixed)(this.#count);
      this.#count += 1;
      const kind = await this.#kindOf(path, new Set(this.#replaced));
      this.tally[kind] = (this.tally[kind] ?? 0) + 1;
    }
  }

  async #kindOf(path: string, replaced: ReadonlySet<string>): Promise<string> {
    const { nginx, reader = readPid } = this.#options;
    try {
      const signal = AbortSignal.timeout(requestTimeoutMs);
      const answer = await ask(`${nginx.url}${path}`, { agent: this.#agent, signal, ...nginx.route });
      if (answer.status !== 200) return this.#complain(`status ${answer.status}`, path, answer.body);
      const server = reader(answer, path);
      // nginx ends its answer properly where the FastCGI program was cut off in the body.
      const isWhole = answer.body.at(-1) === newline;
      if (server === undefined)
        return this.#complain(isWhole ? 'wrong body' : 'truncated', path, answer.body);
      return replaced.has(server) ? this.#complain('stale', path, answer.body) : 'ok';
    } catch (error) {
      return this.#complain(kindOfError(error), path, error);
    }
  }

  #complain(kind: string, path: string, what: unknown): string {
    if (this.complaints.length < 5) this.complaints.push(`${kind} for ${path}: ${String(what)}`);
    return kind;
  }
}

/** Every eighth request keeps a worker for a while; every path is another one. */
function mixed(count: number): string {
  return `/page?number=${count}${count % 8 === 0 ? '&seconds=0.1' : ''}`;
}

/** The pid in the answer of a fixture, if it is the answer to this path. */
function readPid({ body }: HttpAnswer, path: string): string | undefined {
  const [pid, method, uri, ...rest] = body.toString().trimEnd().split(' ');
  return method === 'GET' && uri === path && rest.length === 0 ? pid : undefined;
}

function kindOfError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message === 'aborted') return 'truncated';
  const code = 'code' in error ? String(error.code) : error.name;
  const kinds: Readonly<Record<string, string>> = { ECONNRESET: 'reset', ECONNREFUSED: 'refused' };
  return kinds[code] ?? code;
}
