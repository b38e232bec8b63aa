import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { LifecyclePlan, RequestPlan, WorkerPlan } from '../plan/plan.ts';
import type { StopDeadlines } from '../plan/stop-deadlines.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import type { Launcher, TreeProcess } from './launcher.ts';
import type { RequestEvent } from './request-watch.ts';

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
}) => Retiring;

/** A worker that looks for a moment to end at. */
export interface Retiring {
  /** There was such a moment: it was told to end. */
  readonly isSignaled: boolean;
  /** Connections that it has in hand; `undefined` when that cannot be seen. */
  connections(): number | undefined;
  cancel(): void;
}

export interface WorkerOptions {
  /** `pool/1`: the place, which outlives the process. */
  readonly id: string;
  /** The number in `id`. */
  readonly place: number;
  readonly generation: number;
  readonly plan: WorkerPlan;
  /** Asked each time, because it may change while the worker lives. */
  readonly lifecycle: () => LifecyclePlan;
  readonly requests: () => RequestPlan;
  /** Of the pool, when that is to stop. */
  readonly stop: () => StopDeadlines | undefined;
  readonly socket: ListenSocket;
  readonly onSpawned: () => void;
  /** The engine says that it has loaded the application and is about to accept. */
  readonly onLoaded: () => void;
  /** Another generation can take its address over while it finishes what it has. */
  readonly isRelievable: () => boolean;
  /** It is relievable, found no moment to retire at, and looks on. */
  readonly onStuck: () => void;
  /** It was told to end with that many connections in hand; `undefined`: an unknown number. */
  readonly onCut: (connections: number | undefined) => void;
  readonly onRequest: (event: RequestEvent) => void;
  readonly onChange: () => void;
  readonly onDeath: (death: Death) => void;
}

/** An end that nobody asked for. */
export interface Death {
  readonly worker: string;
  readonly generation: number;
  readonly pid: number | undefined;
  readonly isEarly: boolean;
  /** `not-started`: there is no such program, or the engine could not load the application. */
  readonly cause: 'died' | 'boot-timeout' | 'not-proven' | 'not-started';
  /** One sentence. */
  readonly reason: string;
  /** The last lines that it wrote. */
  readonly output: readonly string[];
}
