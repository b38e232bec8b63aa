import type { Clock, Timer } from '../host/clock.ts';
import type { RequestPlan } from '../plan/plan.ts';
import { decideOnRequests, type Handled, type RequestAction } from './request-deadlines.ts';
import type { ShownRequest, ShownSlot } from './scoreboard.ts';

export interface WatchedWorker {
  readonly slots: () => readonly ShownSlot[];
  readonly signal: (signal: NodeJS.Signals) => void;
  /** SIGKILL for a request that could not be interrupted. */
  readonly kill: (request: ShownRequest) => void;
}

export interface RequestWatchOptions {
  readonly worker: WatchedWorker;
  readonly clock: Clock;
  readonly limits: () => RequestLimits;
  readonly onEvent: (event: RequestEvent) => void;
}

export interface RequestLimits extends RequestPlan {
  /** From the interruption to SIGKILL, when the worker does not react. */
  readonly killAfterMs: number;
}

/** What became of requests, other than an answer. */
export type RequestEvent =
  /** They were in hand when their process ended; of a death the log names them itself. */
  | {
      readonly kind: 'cut';
      readonly pid: number | undefined;
      readonly isDeath: boolean;
      readonly requests: readonly ShownRequest[];
    }
  /** It has taken long, and goes on. */
  | { readonly kind: 'slow'; readonly request: ShownRequest; readonly traceback: readonly string[] }
  | { readonly kind: 'timed-out'; readonly how: TimeoutEnd; readonly request: ShownRequest };

/**
 * `interrupted`: an exception ended it. `left`: its thread could not be ended, and ended with the worker, which others
 * had left before. `killed`: the worker did not hear the interruption, or went on.
 */
export type TimeoutEnd = 'interrupted' | 'left' | 'killed';

/** The first line of a traceback comes at once, unless the machine is very busy. */
const firstLineMs = 2_000;
/** The lines of a traceback are written in one go, and its end is not marked. */
const silenceMs = 100;
const mostLines = 5_000;
/** From its first line on; a worker that goes on writing is not waited for. */
const longestTraceMs = 2_000;

/**
 * Looks at the requests of one process, at the moment when the first of them can reach a limit and not before, and
 * asks for its traceback, interrupts it, or ends the process. Without limits it sleeps.
 */
export class RequestWatch {
  readonly #options: RequestWatchOptions;
  #handled: readonly Handled[] = [];
  /** Requests that were interrupted, by slot, until it is known how they ended. */
  readonly #interrupted = new Map<number, ShownRequest>();
  /** Numbers of requests, by slot, that end with their process because they take too long. */
  readonly #toldOf = new Map<number, number>();
  #isLeaving = false;
  #timer: Timer | undefined;
  /** Requests whose traceback is on its way. */
  #traced: readonly ShownRequest[] = [];
  #traceback: string[] = [];
  #traceTimer: Timer | undefined;
  #traceEndsMs = 0;

  constructor(options: RequestWatchOptions) {
    this.#options = options;
  }

  /** Looks now, and from now on when it is time. */
  look(): void {
    const { clock, limits, worker } = this.#options;
    const { slowMs, timeoutMs, killAfterMs } = limits();
    const policy = { slowMs, timeoutMs, killAfterMs: this.#isLeaving ? undefined : killAfterMs };
    this.#timer?.cancel();
    if (slowMs === undefined && timeoutMs === undefined) return;
    const slots = worker.slots();
    const { actions, handled, nextLookMs } = decideOnRequests(slots, this.#handled, clock.now(), policy);
    this.#handled = handled;
    if (nextLookMs !== undefined) this.#timer = clock.at(nextLookMs, () => this.look());
    this.#act(actions, slots);
  }

  /** The engine says what became of a request that was interrupted. */
  hearTimedOut(how: 'interrupted' | 'left'): void {
    this.#isLeaving = true;
    if (how === 'left') return;
    for (const request of this.#interrupted.values()) this.#end(request, 'interrupted');
    this.#interrupted.clear();
  }

  /** A line of a traceback. False: it was not asked for. */
  hearTrace(line: string): boolean {
    if (this.#traced.length === 0) return false;
    if (this.#traceback.length === 0) this.#traceEndsMs = this.#options.clock.now() + longestTraceMs;
    if (this.#traceback.length < mostLines) this.#traceback.push(line);
    this.#awaitLines(Math.min(this.#options.clock.now() + silenceMs, this.#traceEndsMs));
    return true;
  }

  /**
   * The process has ended, with these slots.
   *
   * @returns the requests that its end has cut, without those that were told of as having taken too long.
   */
  end(slots: readonly ShownSlot[]): readonly ShownRequest[] {
    this.#timer?.cancel();
    this.#tellSlow();
    for (const [index, request] of this.#interrupted) {
      const slot = slots[index];
      const isCut = slot?.request !== undefined && slot.number === this.#handled[index]?.number;
      if (!isCut || !this.#isLeaving) continue;
      this.#toldOf.set(index, slot.number);
      this.#end(slot.request ?? request, 'left');
    }
    this.#interrupted.clear();
    return slots.flatMap(({ request, number }, index) =>
      request === undefined || this.#toldOf.get(index) === number ? [] : [request],
    );
  }

  #act(actions: readonly RequestAction[], slots: readonly ShownSlot[]): void {
    const of = (what: RequestAction['do']): readonly (readonly [number, ShownRequest])[] =>
      actions.flatMap(({ slot, do: action }) => {
        const request = slots[slot]?.request;
        return action === what && request !== undefined ? [[slot, request] as const] : [];
      });
    this.#askForTraceback(of('trace').map(([, request]) => request));
    const overdue = of('interrupt');
    for (const [slot, request] of overdue) this.#interrupted.set(slot, request);
    if (overdue.length > 0) this.#options.worker.signal('SIGUSR1');
    const [stuck] = of('kill');
    if (stuck === undefined) return;
    const [slot, request] = stuck;
    this.#interrupted.delete(slot);
    this.#toldOf.set(slot, slots[slot]?.number ?? 0);
    this.#end(request, 'killed');
    this.#options.worker.kill(request);
  }

  /** One signal for all of them: each is in the tracebacks of all threads, be they on their way already. */
  #askForTraceback(requests: readonly ShownRequest[]): void {
    if (requests.length === 0) return;
    const isOnItsWay = this.#traced.length > 0;
    this.#traced = [...this.#traced, ...requests];
    if (isOnItsWay) return;
    this.#options.worker.signal('SIGUSR2');
    this.#awaitLines(this.#options.clock.now() + firstLineMs);
  }

  #awaitLines(untilMs: number): void {
    this.#traceTimer?.cancel();
    this.#traceTimer = this.#options.clock.at(untilMs, () => this.#tellSlow());
  }

  #tellSlow(): void {
    this.#traceTimer?.cancel();
    const traceback = this.#traceback;
    const requests = this.#traced;
    this.#traced = [];
    this.#traceback = [];
    for (const request of requests) this.#options.onEvent({ kind: 'slow', request, traceback });
  }

  #end(request: ShownRequest, how: TimeoutEnd): void {
    this.#options.onEvent({ kind: 'timed-out', how, request });
  }
}
