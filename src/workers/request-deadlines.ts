import type { ShownSlot } from './scoreboard.ts';

/** What is done about requests that take long, in milliseconds from their beginning; `undefined`: nothing. */
export interface RequestPolicy {
  readonly slowMs: number | undefined;
  readonly timeoutMs: number | undefined;
  /** From the interruption to SIGKILL; `undefined` when the worker has said that it leaves by itself. */
  readonly killAfterMs: number | undefined;
}

/** What was done already about the request of a slot. */
export interface Handled {
  readonly number: number;
  readonly isTraced: boolean;
  readonly interruptedAtMs: number | undefined;
}

export interface RequestAction {
  readonly slot: number;
  /** In this order, where several are due. */
  readonly do: 'trace' | 'interrupt' | 'kill';
}

export interface RequestDecision {
  readonly actions: readonly RequestAction[];
  /** By slot, with what the actions will have done. */
  readonly handled: readonly Handled[];
  /** Monotonic milliseconds; `undefined`: no need to look again. */
  readonly nextLookMs: number | undefined;
}

/**
 * What is due now, and when to look again: when the first request that is in hand now reaches a limit; or, when none
 * does, one that begins at this moment. Nothing can be overdue before.
 */
export function decideOnRequests(
  slots: readonly ShownSlot[],
  handled: readonly Handled[],
  nowMs: number,
  policy: RequestPolicy,
): RequestDecision {
  const decisions = slots.map((slot, index) => decideOnSlot(slot, handled[index], nowMs, policy));
  const limits = [policy.slowMs, policy.timeoutMs].flatMap((limitMs) => limitMs ?? []);
  const looks = [...decisions.flatMap(({ looksMs }) => looksMs), ...limits.map((limitMs) => nowMs + limitMs)];
  return {
    actions: decisions.flatMap(({ actions }, slot) => actions.map((action) => ({ slot, do: action }))),
    handled: decisions.map((decision) => decision.handled),
    nextLookMs: looks.length === 0 ? undefined : Math.min(...looks),
  };
}

interface SlotDecision {
  readonly actions: readonly RequestAction['do'][];
  readonly handled: Handled;
  readonly looksMs: readonly number[];
}

function decideOnSlot(
  { number, request }: ShownSlot,
  before: Handled | undefined,
  nowMs: number,
  { slowMs, timeoutMs, killAfterMs }: RequestPolicy,
): SlotDecision {
  const { isTraced, interruptedAtMs } =
    before?.number === number ? before : { isTraced: false, interruptedAtMs: undefined };
  if (request === undefined)
    return { actions: [], handled: { number, isTraced, interruptedAtMs }, looksMs: [] };
  const beganAtMs = nowMs - request.ageMs;
  const due = (atMs: number | undefined): 'never' | 'now' | 'later' =>
    atMs === undefined ? 'never' : atMs <= nowMs ? 'now' : 'later';
  const traceAtMs = isTraced || slowMs === undefined ? undefined : beganAtMs + slowMs;
  const interruptAtMs =
    interruptedAtMs !== undefined || timeoutMs === undefined ? undefined : beganAtMs + timeoutMs;
  const interruptedNow = due(interruptAtMs) === 'now' ? nowMs : interruptedAtMs;
  const killAtMs =
    interruptedNow === undefined || killAfterMs === undefined ? undefined : interruptedNow + killAfterMs;
  return {
    actions: [
      ...(due(traceAtMs) === 'now' ? ['trace' as const] : []),
      ...(due(interruptAtMs) === 'now' ? ['interrupt' as const] : []),
      ...(due(killAtMs) === 'now' ? ['kill' as const] : []),
    ],
    handled: { number, isTraced: isTraced || due(traceAtMs) === 'now', interruptedAtMs: interruptedNow },
    looksMs: [traceAtMs, interruptAtMs, killAtMs].flatMap((atMs) =>
      atMs !== undefined && atMs > nowMs ? [atMs] : [],
    ),
  };
}
