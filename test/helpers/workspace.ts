import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { killIfThere } from './kill-if-there.ts';
import { until } from './until.ts';

/** How long processes may take to disappear after the last program of a test was told to end. */
const goneWithinMs = 60_000;

/**
 * A directory for one test, and the promise that nothing started in it is left: programs of a test register how
 * they end with `onClose`, and `close` looks for processes, sockets, pidfiles and private names afterwards.
 */
export class Workspace {
  readonly path: string;
  readonly #closers: (() => Promise<unknown> | unknown)[] = [];

  constructor() {
    // Short, because a socket's path has at most 107 bytes.
    this.path = mkdtempSync(join(tmpdir(), 'e2e-'));
    // A web server that runs as another user must get through.
    chmodSync(this.path, 0o755);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string): string {
    const path = this.file(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** What was started last ends first. */
  onClose(closer: () => Promise<unknown> | unknown): void {
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    const problems: unknown[] = [];
    for (const closer of this.#closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        problems.push(error);
      }
    }
    problems.push(
      ...(await this.#processesLeft()),
      ...this.filesLeft().map((path) => `left behind: ${path}`),
    );
    rmSync(this.path, { recursive: true, force: true });
    if (problems.length > 0) throw new Error(problems.map(String).join('\n'));
  }

  /** The processes that have to do with this directory: by working directory, command line or environment. */
  processes(): readonly RunningProcess[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map((name) => describeProcess(Number(name)))
      .filter((found) => found !== undefined)
      .filter(({ traces }) => traces.some((trace) => trace.includes(this.path)));
  }

  /** Sockets, pidfiles and private names. */
  filesLeft(): readonly string[] {
    return readdirSync(this.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isSocket() || /\.pid$|^workers\.json$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
  }

  async #processesLeft(): Promise<readonly string[]> {
    try {
      await until(() => this.processes().length === 0, goneWithinMs);
      return [];
    } catch {
      const left = this.processes();
      for (const { pid } of left) killIfThere(pid, 'SIGKILL');
      return left.map(({ pid, command }) => `still runs: ${pid} ${command}`);
    }
  }
}

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
  /** What may tell where a process belongs. */
  readonly traces: readonly string[];
}

/** `undefined` when it is gone, or a zombie that somebody will wait for. */
function describeProcess(pid: number): RunningProcess | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    if (command === '') return undefined;
    return {
      pid,
      command,
      traces: [command, readlinkSync(`/proc/${pid}/cwd`), readFileSync(`/proc/${pid}/environ`, 'utf8')],
    };
  } catch {
    return undefined;
  }
}
