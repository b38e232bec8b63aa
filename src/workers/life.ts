import { RunfcgidError } from '../errors.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { catches } from '../host/process-signal.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import { type Ending, type ExitStatus, explainExit } from './exit-reason.ts';
import type { EngineMessage, Launcher, TreeProcess, WorkerProcess } from './launcher.ts';
import { newMarker } from './marker.ts';
import { nameRequest, nameRequests } from './request-text.ts';
import { type RequestEvent, type RequestLimits, RequestWatch } from './request-watch.ts';
import type { ShownRequest, ShownSlot } from './scoreboard.ts';
import type { Wear } from './worker-vocabulary.ts';

export interface LifeOptions {
  readonly id: string;
  readonly plan: WorkerPlan;
  readonly socket: ListenSocket;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly log: Log;
  readonly requestLimits: () => RequestLimits;
}

export interface LifeEvents {
  readonly onSpawned: () => void;
  readonly onSpawnFailed: () => void;
  readonly onReady: () => void;
  /** It has reached a limit, and serves on. */
  readonly onWorn: (wear: Wear) => void;
  /** It has reached a limit, and leaves. */
  readonly onLeaving: (wear: Wear) => void;
  readonly onRequest: (event: RequestEvent) => void;
  readonly onExit: () => void;
}

/** Why a process is not proven. */
export interface Refusal {
  /** One sentence. */
  readonly reason: string;
  /** What it answered. */
  readonly output: readonly string[];
}

/** Lines of output kept for the operator. */
const tailLength = 20;
/** How often the rest of a process tree is looked at while it goes. */
const treePollMs = 50;

/** One process of a worker, from its spawn until its whole tree is gone, and what was seen of it. */
export class Life {
  readonly #options: LifeOptions;
  readonly #startedAtMs: number;
  readonly #tail: string[] = [];
  #process: WorkerProcess | undefined;
  #endedAtMs: number | undefined;
  #timer: Timer | undefined;
  #exit: ExitStatus | undefined;
  #spawnError: Error | undefined;
  #loadFailure: Extract<EngineMessage, { event: 'load-failed' }> | undefined;
  #ending: Ending = { by: 'itself' };
  #refusal: Refusal | undefined;
  #watch: RequestWatch | undefined;
  #cut: readonly ShownRequest[] | undefined;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
  }

  /** Starts the process. Events may come before this returns. */
  begin(events: LifeEvents): void {
    const { id, plan, socket, launcher } = this.#options;
    this.#process = launcher.launch({
      plan,
      marker: newMarker(id),
      listenFd: socket.fd,
      onSpawned: events.onSpawned,
      onSpawnFailed: (error) => {
        this.#spawnError = error;
        this.#endedAtMs = this.#options.clock.now();
        events.onSpawnFailed();
      },
      onLastWords: (lines) => this.#tail.push(...lines.slice(-tailLength)),
      onLine: (stream, line) => this.#keepLine(stream, line),
      // What is left of it when it has ended does not speak for the process that follows.
      onMessage: (message) => this.#exit === undefined && this.#hear(message, events),
      onTrace: (line) => {
        if (this.#watch?.hearTrace(line) !== true) this.#keepLine('stderr', line);
      },
      onExit: (exit) => {
        this.#exit = exit;
        this.#endedAtMs = this.#options.clock.now();
        events.onExit();
        this.#closeScoreboard();
      },
    });
    socket.restoreBlockingMode();
  }

  /** What each thread shows; `undefined` of a program that shows nothing. */
  get slots(): readonly ShownSlot[] | undefined {
    return this.#process?.scoreboard?.slots(this.uptimeMs);
  }

  /** Requests that it had in hand when it ended, without those that ended with it because they took too long. */
  get cutRequests(): readonly ShownRequest[] {
    return this.#exit === undefined ? [] : this.#closeScoreboard();
  }

  /** Looks at its requests; the limits may be others now. */
  watchRequests(): void {
    if (this.#exit === undefined) this.#watch?.look();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Milliseconds from the spawn to now, or to the end. */
  get uptimeMs(): number {
    return (this.#endedAtMs ?? this.#options.clock.now()) - this.#startedAtMs;
  }

  /** The process could not be spawned, or says that it cannot load what it should serve. */
  get couldNotStart(): boolean {
    return this.#spawnError !== undefined || this.#loadFailure !== undefined;
  }

  /** The process has exited by itself with one of these statuses. */
  endedWith(statuses: readonly number[]): boolean {
    return this.#exit?.kind === 'exited' && statuses.includes(this.#exit.code);
  }

  /** What the operator should read about the end: a hint, the traceback, or the last lines of output, oldest first. */
  get lastWords(): readonly string[] {
    if (this.#spawnError instanceof RunfcgidError && this.#spawnError.hint) return [this.#spawnError.hint];
    const traceback = this.#loadFailure?.traceback ?? '';
    if (traceback !== '') return traceback.trimEnd().split('\n');
    const answer = this.#refusal?.output ?? [];
    // The engine writes a traceback to its error output and to that of the request.
    return [...answer, ...this.#tail.filter((line) => !answer.includes(line))];
  }

  /** The process has not shown what it must, and will be killed for it. */
  refuse(refusal: Refusal): void {
    if (this.#exit === undefined) this.#ending = { by: 'not-proven', reason: refusal.reason };
    this.#refusal = refusal;
  }

  /** Why the process ended, or could not be started, in one sentence. */
  explain({ wasReady, expectedExits }: { wasReady: boolean; expectedExits: readonly number[] }): string {
    if (this.#exit === undefined) return this.#spawnError?.message ?? 'could not be started';
    const reason = explainExit({
      exit: this.#exit,
      uptimeMs: this.uptimeMs,
      wasReady,
      ending: this.#ending,
      expectedExits,
      loadFailure: this.#loadFailure?.message,
      output: this.#tail,
    });
    const cut = this.cutRequests;
    return cut.length === 0 ? reason : `${reason}; this cut ${nameRequests(cut)}`;
  }

  /** The process and its descendants, as far as they are alive. */
  tree(): readonly TreeProcess[] {
    return this.#process?.tree() ?? [];
  }

  treePids(): readonly number[] {
    return this.tree().map(({ pid }) => pid);
  }

  stop(signal: NodeJS.Signals): void {
    this.#ending = { by: 'stop-signal', signal };
    this.#process?.signal(signal);
  }

  /** Sends a signal to what is left when the process itself has ended. */
  signalTree(signal: NodeJS.Signals): void {
    this.#process?.signalTree(signal);
  }

  /** Ends the whole tree now; `ending` says what for. */
  kill(ending: Ending): void {
    // A refusal stays the reason, however often SIGKILL has to be sent for it.
    if (this.#exit === undefined && this.#refusal === undefined) this.#ending = ending;
    this.#process?.killTree();
  }

  /** Calls `onEmpty` when no process of the tree is left; at once when that is so already. */
  whenTreeIsGone(onEmpty: () => void): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    if (this.treePids().length === 0) onEmpty();
    else this.#timer = clock.at(clock.now() + treePollMs, () => this.whenTreeIsGone(onEmpty));
  }

  #hear(message: EngineMessage, events: LifeEvents): void {
    switch (message.event) {
      case 'ready':
        this.#watch ??= this.#createWatch(events);
        this.#watch.look();
        events.onReady();
        break;
      case 'load-failed':
        this.#loadFailure = message;
        break;
      case 'timed-out':
        this.#watch?.hearTimedOut(message.how);
        break;
      case 'worn':
        events.onWorn({ reason: message.reason, detail: message.detail });
        break;
      case 'retiring':
        events.onLeaving({ reason: message.reason, detail: message.detail });
    }
  }

  #createWatch({ onRequest }: LifeEvents): RequestWatch {
    const { clock, requestLimits } = this.#options;
    return new RequestWatch({
      worker: {
        slots: () => this.slots ?? [],
        signal: (signal) => catches(this.pid ?? 0, signal) && this.#process?.signal(signal),
        kill: (request) =>
          this.kill({ by: 'request-timeout', request: nameRequest(request), ageMs: request.ageMs }),
      },
      clock,
      limits: requestLimits,
      onEvent: onRequest,
    });
  }

  #closeScoreboard(): readonly ShownRequest[] {
    if (this.#cut !== undefined) return this.#cut;
    const slots = this.slots ?? [];
    this.#cut = this.#watch?.end(slots) ?? slots.flatMap(({ request }) => request ?? []);
    this.#process?.scoreboard?.close();
    return this.#cut;
  }

  #keepLine(stream: 'stdout' | 'stderr', line: string): void {
    this.#options.log.output({ pid: this.pid, stream }, line);
    this.#tail.push(line);
    if (this.#tail.length > tailLength) this.#tail.shift();
  }
}
