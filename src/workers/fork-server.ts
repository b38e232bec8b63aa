import { Socket } from 'node:net';
import type { Clock, Timer } from '../host/clock.ts';
import { openSocketPair, sendWithDescriptors } from '../host/kernel/descriptor-passing.ts';
import { closeDescriptor } from '../host/kernel/sockets.ts';
import { SystemCallError } from '../host/kernel.ts';
import { signalProcess } from '../host/process-signal.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import { type ExitStatus, explainExit } from './exit-reason.ts';
import { type ForkServerMessage, readForkServer } from './fork-server-channel.ts';
import type { TreeProcess } from './launcher.ts';
import { showLine } from './lines.ts';
import { endOrMoment, longestLogLine, readLines } from './output.ts';
import { OutputPipe } from './output-pipe.ts';
import { startProgram } from './started-program.ts';

export interface ForkServerOptions {
  readonly plan: WorkerPlan;
  readonly marker: string;
  readonly clock: Clock;
  readonly onSpawned: (root: TreeProcess) => void;
  /** There is no process; nothing else is told after this. */
  readonly onSpawnFailed: (error: Error) => void;
  /** Those about itself are noted before. */
  readonly onMessage: (message: ForkServerMessage) => void;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
  /** The process has ended, and what it said was told before. */
  readonly onExit: (exit: ExitStatus) => void;
}

type LoadFailure = Extract<ForkServerMessage, { event: 'load-failed' }>;

export interface Command {
  readonly bytes: Buffer;
  readonly descriptors: readonly number[];
  /** The descriptors are on their way, ours may be closed. */
  readonly onSent: () => void;
}

/** Lines of output kept for the operator. */
const tailLength = 20;
/** How long it may take to end without its channel. */
const farewellMs = 1_000;
/** A fork server that does not read, for example because it is stopped, is asked again after this. */
const retryMs = 20;

/** Warnings that are kept for the status; the log has all. */
const mostWarnings = 8;

/** A process of the Python engine that has loaded the application, and forks a worker each time it is asked to. */
export class ForkServer {
  readonly #options: ForkServerOptions;
  readonly #fd: number;
  readonly #channel: Socket;
  readonly #startedAtMs: number;
  readonly #tail: string[] = [];
  #isReady = false;
  #loadFailure: LoadFailure | undefined;
  #warnings: readonly string[] = [];
  #root: TreeProcess | undefined;
  #unsent: readonly Command[] = [];
  #timer: Timer | undefined;
  #isOver = false;

  /**
   * Starts the process.
   *
   * @throws RunfcgidError KERNEL when no descriptor is left.
   */
  constructor(options: ForkServerOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
    const [ours, theirs] = openSocketPair();
    this.#fd = ours;
    this.#channel = new Socket({ fd: ours });
    try {
      this.#start(theirs);
    } catch (error) {
      this.#channel.destroy();
      throw error;
    } finally {
      closeDescriptor(theirs);
    }
  }

  /** `undefined` when it could not be started. */
  get root(): TreeProcess | undefined {
    return this.#root;
  }

  /** It has loaded the application. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** It has said that it cannot load the application. */
  get loadFailure(): LoadFailure | undefined {
    return this.#loadFailure;
  }

  /** What it has found doubtful, the latest last. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** The last lines that it wrote. */
  get lastWords(): readonly string[] {
    return this.#tail;
  }

  /** Why it ended, in one sentence. */
  explain(exit: ExitStatus): string {
    return explainExit({
      exit,
      uptimeMs: this.#options.clock.now() - this.#startedAtMs,
      wasReady: this.#isReady,
      ending: { by: 'itself' },
      expectedExits: [],
      loadFailure: this.#loadFailure?.message,
      output: this.#tail,
    });
  }

  /** Asks for a process. */
  ask(command: Command): void {
    this.#unsent = [...this.#unsent, command];
    this.#send();
  }

  /** It ends by itself when it notices, otherwise a moment later; its workers do not. */
  close(): void {
    this.#channel.end();
    this.#hangUp();
  }

  /** SIGKILL to the process alone. */
  kill(): void {
    if (this.#root !== undefined) signalProcess(this.#root, 'SIGKILL');
  }

  #start(channelEnd: number): void {
    const { plan, marker, clock, onSpawned, onSpawnFailed, onExit } = this.#options;
    const output = openOutput(plan);
    let lastWords: Promise<unknown> = Promise.resolve();
    const [stdout, stderr] = output;
    this.#root = startProgram({
      plan,
      marker,
      descriptors: ['ignore', stdout.writeEnd, stderr.writeEnd, channelEnd],
      variables: { RUNFCGID_ROLE: 'fork-server', RUNFCGID_CHANNEL: '3' },
      onSpawned: () => undefined,
      onSpawnFailed: (error) => {
        this.#isOver = true;
        this.#channel.destroy();
        onSpawnFailed(error);
      },
      onExit: (exit) => void endOrMoment(lastWords, clock).then(() => this.#ended(exit, onExit)),
    });
    for (const pipe of output) pipe.closeWriteEnd();
    if (this.#root === undefined) return;
    lastWords = this.#read(output);
    onSpawned(this.#root);
  }

  #read([stdout, stderr]: readonly [OutputPipe, OutputPipe]): Promise<unknown> {
    const { clock } = this.#options;
    const read = ({ stream }: OutputPipe, name: 'stdout' | 'stderr'): Promise<void> =>
      readLines({
        stream,
        longest: longestLogLine,
        clock,
        onLine: (line) => this.#keepLine(name, showLine(line)),
      });
    const onMessage = (message: ForkServerMessage): void => this.#hear(message);
    const onProblem = (problem: string): void => this.#keepLine('stderr', problem);
    return Promise.all([
      read(stdout, 'stdout'),
      read(stderr, 'stderr'),
      readForkServer({ stream: this.#channel, clock, onMessage, onProblem }).then(() => this.#hangUp()),
    ]);
  }

  #hear(message: ForkServerMessage): void {
    if (message.event === 'ready') this.#isReady = true;
    if (message.event === 'load-failed') this.#loadFailure = message;
    if (message.event === 'warning') {
      this.#warnings = [...this.#warnings, message.message].slice(-mostWarnings);
    }
    this.#options.onMessage(message);
  }

  #keepLine(stream: 'stdout' | 'stderr', line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > tailLength) this.#tail.shift();
    this.#options.onLine(stream, line);
  }

  /** Without a channel it cannot be asked for anything any more, and is about to end or should be. */
  #hangUp(): void {
    const { clock } = this.#options;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#timer = clock.at(clock.now() + farewellMs, () => this.kill());
  }

  #ended(exit: ExitStatus, tell: (exit: ExitStatus) => void): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#channel.destroy();
    tell(exit);
  }

  #send(): void {
    this.#timer?.cancel();
    while (!this.#isOver) {
      const [next, ...rest] = this.#unsent;
      if (next === undefined) return;
      const sentBytes = this.#trySending(next);
      if (sentBytes === 0) break;
      if (next.descriptors.length > 0) next.onSent();
      const unsent = { ...next, bytes: next.bytes.subarray(sentBytes), descriptors: [] };
      this.#unsent = unsent.bytes.length > 0 ? [unsent, ...rest] : rest;
    }
    const { clock } = this.#options;
    if (!this.#isOver) this.#timer = clock.at(clock.now() + retryMs, () => this.#send());
  }

  /** Nobody reads any more: the end of the process is told elsewhere. */
  #trySending({ bytes, descriptors }: Command): number {
    // Closed already, its number may be that of another channel: what says so comes a turn of the event loop later.
    if (this.#channel.destroyed) return 0;
    try {
      return sendWithDescriptors(this.#fd, bytes, descriptors);
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      this.#hangUp();
      return 0;
    }
  }
}

function openOutput({ identity }: WorkerPlan): readonly [OutputPipe, OutputPipe] {
  const stdout = new OutputPipe(identity);
  try {
    return [stdout, new OutputPipe(identity)];
  } catch (error) {
    stdout.closeWriteEnd();
    throw error;
  }
}
