import { openSocketPair, sendWithDescriptors } from '../host/kernel/descriptor-passing.ts';
import { closeDescriptor, isReadable } from '../host/kernel/sockets.ts';
import { SystemCallError } from '../host/kernel.ts';
import { signalProcess } from '../host/process-signal.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { Command } from './fork-server.ts';
import { prepareCommand } from './fork-server-channel.ts';
import type { LaunchRequest, TreeProcess } from './launcher.ts';
import { WorkerStdio } from './worker-stdio.ts';

/**
 * A process that a fork server forks ahead of time: it has all of a worker but its mark and its listen socket, and
 * sleeps. Until it gets these it is no worker: it is in no list, holds no listen socket, and ends when it is let go.
 */
export class Reserve {
  readonly id: number;
  readonly plan: WorkerPlan;
  readonly stdio: WorkerStdio;
  /** Our end of the socket by which it gets its part (fork-server-channel.ts). */
  readonly #end: number;
  #theirEnd: number | undefined;
  #root: TreeProcess | undefined;
  #isOver = false;

  /** @throws RunfcgidError KERNEL when no descriptor is left. */
  constructor(id: number, plan: WorkerPlan) {
    this.id = id;
    this.plan = plan;
    this.stdio = new WorkerStdio(plan);
    try {
      [this.#end, this.#theirEnd] = openSocketPair();
    } catch (error) {
      this.stdio.discard();
      throw error;
    }
  }

  /** `undefined` until it was forked. */
  get root(): TreeProcess | undefined {
    return this.#root;
  }

  /** What the fork server is asked by; to be used once. */
  get command(): Command {
    const descriptors = this.#theirEnd === undefined ? [] : [this.#theirEnd, ...this.stdio.workerEnds];
    return { bytes: prepareCommand(this.id), descriptors, onSent: () => this.closeTheirEnds() };
  }

  /** The fork server has its copies, or there is none any more. */
  closeTheirEnds(): void {
    if (this.#theirEnd === undefined) return;
    closeDescriptor(this.#theirEnd);
    this.#theirEnd = undefined;
    if (this.#isOver) this.stdio.discard();
    else this.stdio.closeWorkerEnds();
  }

  noteSpawned(root: TreeProcess): void {
    this.#root = root;
    if (this.#isOver) this.#kill();
  }

  /** It has said that it may be launched, or is gone. */
  get isAsleep(): boolean {
    return isReadable(this.#end);
  }

  /** Makes it a worker; its process and `stdio` are the caller's then. False: it is not there any more. */
  launch({ marker, listenFd }: Pick<LaunchRequest, 'marker' | 'listenFd'>): boolean {
    const line = Buffer.from(`${marker}\n`);
    try {
      if (sendWithDescriptors(this.#end, line, [listenFd]) !== line.length) return false;
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      return false;
    }
    this.#isOver = true;
    closeDescriptor(this.#end);
    return true;
  }

  /** Ends it, or what will come of it. What waits to be sent stays open until it is. */
  discard(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    closeDescriptor(this.#end);
    if (this.#theirEnd === undefined) this.stdio.discard();
    this.#kill();
  }

  /** It would end by itself as well, a moment later, unless it is stopped. */
  #kill(): void {
    if (this.#root !== undefined) signalProcess(this.#root, 'SIGKILL');
  }
}
