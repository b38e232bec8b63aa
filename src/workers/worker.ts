import type { Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import { Departure } from './departure.ts';
import { endingOf, requestsCutBy } from './end-facts.ts';
import { EndReport } from './end-report.ts';
import { Life, type Refusal } from './life.ts';
import { Remains } from './remains.ts';
import type { RequestLimits } from './request-watch.ts';
import type { ShownSlot } from './scoreboard.ts';
import type { WorkerOptions, WorkerSurroundings } from './worker-contract.ts';
import { logState } from './worker-log.ts';
import { policyOf, requestLimitsOf } from './worker-policy.ts';
import { transition } from './worker-state.ts';
import {
  deadlineOf,
  hasProcess,
  isLeaving,
  isRespawnDue,
  type Wear,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
} from './worker-vocabulary.ts';

/** Performs the effects of worker-state.ts and feeds back what happens. Only `#dispatch` assigns the state. */
export class Worker {
  readonly id: string;
  readonly place: number;
  readonly socket: ListenSocket;
  readonly #options: WorkerOptions;
  readonly #surroundings: WorkerSurroundings;
  readonly #events: WorkerEvent[] = [];
  readonly #remains: Remains;
  readonly #departure: Departure;
  readonly #report: EndReport;
  readonly #log: Log;
  #isDispatching = false;
  #state: WorkerState = { name: 'stopped' };
  #timer: Timer | undefined;
  #life: Life | undefined;
  #restarts = 0;

  constructor(options: WorkerOptions, surroundings: WorkerSurroundings) {
    this.id = options.id;
    this.place = options.place;
    this.socket = options.socket;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#log = surroundings.log.child({ worker: options.id, generation: options.generation });
    this.#departure = new Departure({
      socket: options.socket,
      retire: surroundings.retire,
      log: this.#log,
      onCut: options.onCut,
    });
    this.#report = new EndReport(options, this.#log);
    this.#remains = new Remains(surroundings.clock, options);
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** The limit for which the present process is replaced, if it is. */
  get wear(): Wear | undefined {
    if (this.#state.name === 'worn') return this.#state.wear;
    return 'end' in this.#state ? this.#state.end.wear : undefined;
  }

  /** The process of the present life; `undefined` when there is none. */
  get pid(): number | undefined {
    return hasProcess(this.#state) ? this.#life?.pid : undefined;
  }

  /** Milliseconds since the present process was started. */
  get uptimeMs(): number | undefined {
    return hasProcess(this.#state) ? this.#life?.uptimeMs : undefined;
  }

  /** What each thread of the present process shows; `undefined` of a program that shows nothing. */
  get slots(): readonly ShownSlot[] | undefined {
    return hasProcess(this.#state) ? this.#life?.slots : undefined;
  }

  /** Respawns after a death. */
  get restarts(): number {
    return this.#restarts;
  }

  /** No process is left of any life. */
  get isGone(): boolean {
    return !hasProcess(this.#state) && this.#remains.isEmpty;
  }

  /** Every process of this worker: of the present life, and what is left of earlier ones. */
  treePids(): readonly number[] {
    return [...new Set([this.#life, ...this.#remains.lives].flatMap((life) => life?.treePids() ?? []))];
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
    this.#remains.kill();
    this.#dispatch({ type: 'kill' });
  }

  giveUp(): void {
    this.#dispatch({ type: 'give-up' });
  }

  /** Has reached a limit, and serves until another is ready in its place. */
  wearOut(wear: Wear): void {
    this.#dispatch({ type: 'worn', wear });
  }

  /** The limits that it may reach are others now. */
  changeLimits(): void {
    this.#life?.watchRequests();
    this.#dispatch({ type: 'age-changed' });
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
    const isRelievable = (): boolean => this.#departure.isLooking && this.#options.isRelievable();
    const isForked = this.#options.plan.engine?.isPreloaded === true;
    const nowMs = clock.now();
    const stop = this.#options.stop();
    const policy = policyOf(lifecycle, { nowMs, stop, random, isRelievable, isForked });
    const previous = this.#state;
    const { state, effects } = transition(previous, event, { nowMs, policy });
    this.#state = state;
    if (deadlineOf(state) !== deadlineOf(previous)) this.#armTimer();
    if (state.name !== previous.name)
      logState(this.#log, previous, state, { pid: this.#life?.pid, uptimeMs: this.#life?.uptimeMs });
    for (const effect of effects) this.#perform(effect, previous);
    if (isLeaving(previous) && !isLeaving(state)) this.#departure.end();
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
        if (this.#life !== undefined) this.#departure.begin(this.#life, lifecycle);
        break;
      case 'ask-relief':
        this.#options.onStuck();
        break;
      case 'signal-stop':
        this.#departure.reportCut(this.#life?.pid);
        this.#life?.stop(lifecycle.stopSignal);
        break;
      case 'kill-tree':
        this.#life?.kill(endingOf(previous, this.#state, lifecycle));
        break;
      case 'report-death':
        if (this.#life !== undefined) this.#report.tellDeath(this.#life, effect.isEarly, previous);
    }
  }

  #spawn(): void {
    const { id, socket } = this;
    const { plan } = this.#options;
    const { clock, launcher } = this.#surroundings;
    if (this.#life !== undefined) this.#restarts += 1;
    const requestLimits = (): RequestLimits => requestLimitsOf(this.#options);
    const life = new Life({ id, plan, socket, launcher, clock, log: this.#log, requestLimits });
    this.#life = life;
    life.begin({
      onSpawned: () => this.#options.onSpawned(),
      onSpawnFailed: () => this.#dispatch({ type: 'spawn-failed' }),
      onReady: () => this.#options.onLoaded(),
      onWorn: (wear) => this.wearOut(wear),
      onLeaving: (wear) => this.#dispatch({ type: 'leaves', wear }),
      onRequest: (event) => this.#options.onRequest(event),
      onExit: () => this.#ended(life),
    });
  }

  /** The process has ended. Asked to, its tree goes with it; otherwise the next life does not wait for a look at it. */
  #ended(life: Life): void {
    const lifecycle = this.#options.lifecycle();
    const exited = {
      type: 'exited',
      isExpected: life.endedWith(lifecycle.expectedExits),
      hadRequest: requestsCutBy(life, this.#state).length > 0,
    } as const;
    this.#report.tellCut(life, this.#state);
    if ('end' in this.#state) {
      if (lifecycle.orphans === 'signal') life.signalTree(lifecycle.stopSignal);
      life.whenTreeIsGone(() => this.#dispatch(exited));
      return;
    }
    this.#remains.add(life);
    this.#dispatch(exited);
    // Without a timer: by now the pool has had its say (onChange) whether the place may be filled.
    if (isRespawnDue(this.#state, this.#surroundings.clock.now())) this.#dispatch({ type: 'deadline' });
    if (this.#state.name === 'starting') this.#remains.clearSoon(life);
    else this.#remains.clear(life);
  }
}
