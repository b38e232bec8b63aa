import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { LifecyclePlan, WorkerPlan } from '../plan/plan.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import { backoffDelay } from './backoff.ts';
import type { Ending } from './exit-reason.ts';
import type { Launcher, TreeProcess } from './launcher.ts';
import { Life, type Refusal } from './life.ts';
import {
  deadlineOf,
  hasProcess,
  transition,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
} from './worker-state.ts';

/** What a worker needs of the world. */
export interface WorkerSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly launcher: Launcher;
  readonly retire: Retire;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

/** Ends a process tree at a moment in which it holds no connection of the socket, or looks for one until cancelled. */
export type Retire = (options: {
  readonly tree: () => readonly TreeProcess[];
  readonly socket: ListenSocket;
  readonly stopSignal: NodeJS.Signals;
}) => { cancel(): void };

export interface WorkerOptions {
  /** `pool/1`: the place, which outlives the process. */
  readonly id: string;
  /** The number in `id`. */
  readonly place: number;
  readonly generation: number;
  readonly plan: WorkerPlan;
  /** Asked each time, because it may change while the worker lives. */
  readonly lifecycle: () => LifecyclePlan;
  readonly socket: ListenSocket;
  readonly onSpawned: () => void;
  /** The engine says that it has loaded the application and is about to accept. */
  readonly onLoaded: () => void;
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
}

/** An end that nobody asked for. */
export interface Death {
  readonly worker: string;
  readonly generation: number;
  readonly pid: number | undefined;
  readonly isEarly: boolean;
  readonly cause: 'died' | 'boot-timeout' | 'not-proven';
  /** One sentence. */
  readonly reason: string;
  /** The last lines that it wrote. */
  readonly output: readonly string[];
}

/** A process that was ready for less died early. */
const minimumUptimeMs = 1_000;

/** Performs the effects of worker-state.ts and feeds back what happens. Only `#dispatch` assigns the state. */
export class Worker {
  readonly id: string;
  readonly place: number;
  readonly socket: ListenSocket;
  readonly #options: WorkerOptions;
  readonly #surroundings: WorkerSurroundings;
  readonly #events: WorkerEvent[] = [];
  /** Earlier lives whose process has ended and whose descendants have not. */
  readonly #remains = new Set<Life>();
  #isDispatching = false;
  #state: WorkerState = { name: 'stopped' };
  #timer: Timer | undefined;
  #life: Life | undefined;
  #retirement: { cancel(): void } | undefined;
  #restarts = 0;

  constructor(options: WorkerOptions, surroundings: WorkerSurroundings) {
    this.id = options.id;
    this.place = options.place;
    this.socket = options.socket;
    this.#options = options;
    this.#surroundings = surroundings;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** The process of the present life. */
  get pid(): number | undefined {
    return this.#life?.pid;
  }

  /** Milliseconds since the present process was started. */
  get uptimeMs(): number | undefined {
    return this.#life?.uptimeMs;
  }

  /** Respawns after a death. */
  get restarts(): number {
    return this.#restarts;
  }

  /** No process is left of any life. */
  get isGone(): boolean {
    return !hasProcess(this.#state) && this.#remains.size === 0;
  }

  /** Every process of this worker: of the present life, and what is left of earlier ones. */
  treePids(): readonly number[] {
    return [...new Set([this.#life, ...this.#remains].flatMap((life) => life?.treePids() ?? []))];
  }

  start(): void {
    this.#dispatch({ type: 'start' });
  }

  /** Leaves a socket that others go on serving. */
  retire(): void {
    this.#dispatch({ type: 'retire' });
  }

  stop(): void {
    this.#dispatch({ type: 'stop' });
  }

  kill(): void {
    for (const life of this.#remains) life.kill({ by: 'kill' });
    this.#dispatch({ type: 'kill' });
  }

  giveUp(): void {
    this.#dispatch({ type: 'give-up' });
  }

  becomeReady(): void {
    this.#dispatch({ type: 'became-ready' });
  }

  /** It has not shown what it must to become ready: ends the process, as an early death with this reason. */
  refuse(refusal: Refusal): void {
    if (this.#state.name !== 'starting') return;
    this.#life?.refuse(refusal);
    this.#dispatch({ type: 'not-proven' });
  }

  #dispatch(event: WorkerEvent): void {
    this.#events.push(event);
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    const before = this.#state;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#step(next);
    } finally {
      this.#isDispatching = false;
    }
    if (this.#state !== before) this.#options.onChange();
  }

  #step(event: WorkerEvent): void {
    const { clock, random } = this.#surroundings;
    const lifecycle = this.#options.lifecycle();
    const policy = {
      bootTimeoutMs: lifecycle.bootTimeoutMs,
      gracefulTimeoutMs: lifecycle.gracefulTimeoutMs,
      minimumUptimeMs,
      backoffDelay: (attempt: number) =>
        backoffDelay(
          attempt,
          { initialMs: lifecycle.backoffInitialMs, maxMs: lifecycle.backoffMaxMs },
          random(),
        ),
    };
    const previous = this.#state;
    const { state, effects } = transition(previous, event, { nowMs: clock.now(), policy });
    this.#state = state;
    if (deadlineOf(state) !== deadlineOf(previous)) this.#armTimer();
    if (previous.name === 'retiring' && state.name !== 'retiring') this.#retirement?.cancel();
    if (state.name !== previous.name) this.#logState(previous, state);
    for (const effect of effects) this.#perform(effect, previous);
  }

  #armTimer(): void {
    this.#timer?.cancel();
    const deadlineMs = deadlineOf(this.#state);
    this.#timer =
      deadlineMs === undefined
        ? undefined
        : this.#surroundings.clock.at(deadlineMs, () => this.#dispatch({ type: 'deadline' }));
  }

  #perform(effect: WorkerEffect, previous: WorkerState): void {
    const lifecycle = this.#options.lifecycle();
    switch (effect.do) {
      case 'spawn':
        this.#spawn();
        break;
      case 'retire':
        this.#retire();
        break;
      case 'signal-stop':
        this.#life?.stop(lifecycle.stopSignal);
        break;
      case 'kill-tree':
        this.#life?.kill(endingOf(previous, this.#state, lifecycle));
        break;
      case 'report-death':
        this.#reportDeath(effect.isEarly, previous);
    }
  }

  #spawn(): void {
    const { id, socket } = this;
    const { generation, plan } = this.#options;
    const { clock, launcher } = this.#surroundings;
    if (this.#life !== undefined) this.#restarts += 1;
    const log = this.#surroundings.log.child({ worker: id, generation });
    const life = new Life({ id, plan, socket, launcher, clock, log });
    this.#life = life;
    life.begin({
      onSpawned: () => this.#options.onSpawned(),
      onSpawnFailed: () => this.#dispatch({ type: 'spawn-failed' }),
      onReady: () => this.#options.onLoaded(),
      onExit: () => this.#ended(life),
    });
  }

  #retire(): void {
    const life = this.#life;
    const lifecycle = this.#options.lifecycle();
    if (life === undefined) return;
    if (lifecycle.retirement === 'signal') {
      life.stop(lifecycle.stopSignal);
      return;
    }
    this.#retirement = this.#surroundings.retire({
      tree: () => life.tree(),
      socket: this.socket,
      stopSignal: lifecycle.stopSignal,
    });
  }

  /** The process has ended. Asked to, its tree goes with it; otherwise the next life does not wait for the rest. */
  #ended(life: Life): void {
    const lifecycle = this.#options.lifecycle();
    const exited = { type: 'exited', isExpected: isExpected(life, lifecycle.expectedExits) } as const;
    if ('end' in this.#state) {
      if (lifecycle.orphans === 'signal') life.signalTree(lifecycle.stopSignal);
      life.whenTreeIsGone(() => this.#dispatch(exited));
      return;
    }
    this.#clearAway(life);
    this.#dispatch(exited);
  }

  /** Gives what is left of a sudden death the graceful timeout to finish, then kills it. */
  #clearAway(life: Life): void {
    const { clock } = this.#surroundings;
    const lifecycle = this.#options.lifecycle();
    if (lifecycle.orphans === 'signal') life.signalTree(lifecycle.stopSignal);
    this.#remains.add(life);
    const timer = clock.at(clock.now() + lifecycle.gracefulTimeoutMs, () => life.kill({ by: 'kill' }));
    life.whenTreeIsGone(() => {
      timer.cancel();
      this.#remains.delete(life);
      this.#options.onChange();
    });
  }

  #reportDeath(isEarly: boolean, previous: WorkerState): void {
    const life = this.#life;
    if (life === undefined) return;
    const cause = 'end' in previous && previous.end.cause !== 'asked' ? previous.end.cause : 'died';
    const { expectedExits } = this.#options.lifecycle();
    const reason = life.explain({ wasReady: previous.name === 'ready', expectedExits });
    const output = life.lastWords;
    this.#surroundings.log.warn(
      { event: 'worker.died', worker: this.id, generation: this.#options.generation, pid: life.pid },
      reason,
    );
    const { generation } = this.#options;
    this.#options.onDeath({ worker: this.id, generation, pid: life.pid, isEarly, cause, reason, output });
  }

  #logState(previous: WorkerState, state: WorkerState): void {
    const fields = { worker: this.id, generation: this.#options.generation, pid: this.pid };
    if (state.name === 'ready') {
      const afterMs = Math.round(this.#life?.uptimeMs ?? 0);
      this.#surroundings.log.info({ event: 'worker.ready', ...fields, afterMs }, 'worker is ready');
    } else {
      const event = `worker.${state.name}`;
      this.#surroundings.log.debug({ event, ...fields }, `worker was ${previous.name}, is ${state.name}`);
    }
  }
}

/** What a SIGKILL was sent for. */
function endingOf(previous: WorkerState, state: WorkerState, lifecycle: LifecyclePlan): Ending {
  const isTimeUp = state.name === 'killing' && state.end.cause === 'boot-timeout';
  if (isTimeUp) return { by: 'boot-timeout', timeoutMs: lifecycle.bootTimeoutMs };
  if (previous.name !== 'stopping') return { by: 'kill' };
  return { by: 'graceful-timeout', signal: lifecycle.stopSignal, timeoutMs: lifecycle.gracefulTimeoutMs };
}

function isExpected(life: Life, expectedExits: readonly number[]): boolean {
  return life.exit?.kind === 'exited' && expectedExits.includes(life.exit.code);
}
