import type { LifecyclePlan } from '../plan/plan.ts';
import type { StopDeadlines } from '../plan/stop-deadlines.ts';
import { backoffDelay } from './backoff.ts';
import type { RequestLimits } from './request-watch.ts';
import type { WorkerOptions } from './worker-contract.ts';
import type { WorkerPolicy } from './worker-vocabulary.ts';

/** A process that was ready for less died early. */
const minimumUptimeMs = 1_000;

/** Part of the age that a worker may end earlier by chance, so that those of a pool do not all end at once. */
const ageJitter = 0.1;

/**
 * From the interruption of a request to SIGKILL. Where one thread serves everything it is ended by an exception at once,
 * or sits in C code that does not let go of the interpreter.
 */
const interruptionGraceMs = 2_000;

export interface PolicyFacts {
  readonly nowMs: number;
  /** Of its pool, when that is to stop. */
  readonly stop: StopDeadlines | undefined;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** The process looks for a moment to retire, and another generation can take its address over. */
  readonly isRelievable: () => boolean;
  /** Its processes are forked from one that has loaded the application. */
  readonly isForked: boolean;
}

/** What the pool's plan says of the life of its workers. */
export function policyOf(
  lifecycle: LifecyclePlan,
  { nowMs, stop, random, isRelievable, isForked }: PolicyFacts,
): WorkerPolicy {
  const { bootTimeoutMs, drainTimeoutMs, maxAgeMs } = lifecycle;
  return {
    bootTimeoutMs,
    retireTimeoutMs: graceMs(lifecycle, nowMs, stop?.drainByMs),
    gracefulTimeoutMs: graceMs(lifecycle, nowMs, stop?.endByMs),
    minimumUptimeMs,
    lifespanMs: () => (maxAgeMs === undefined ? undefined : lifespan(maxAgeMs, random())),
    reliefMs: () => (isRelievable() ? bootTimeoutMs + drainTimeoutMs : undefined),
    isStartCostly: !isForked,
    backoffDelay: (attempt) =>
      backoffDelay(
        attempt,
        { initialMs: lifecycle.backoffInitialMs, maxMs: lifecycle.backoffMaxMs },
        random(),
      ),
  };
}

/** The graceful timeout, or what is left of it until a deadline. */
export function graceMs(
  { gracefulTimeoutMs }: LifecyclePlan,
  nowMs: number,
  deadlineMs = Number.POSITIVE_INFINITY,
): number {
  return Math.min(gracefulTimeoutMs, Math.max(0, deadlineMs - nowMs));
}

/** Other threads have the graceful timeout to finish, whatever the overdue one does. */
export function requestLimitsOf({ plan, lifecycle, requests }: WorkerOptions): RequestLimits {
  const isThreaded = plan.engine !== undefined && plan.engine.threads > 1;
  return { ...requests(), killAfterMs: isThreaded ? lifecycle().gracefulTimeoutMs : interruptionGraceMs };
}

/** @param chance from 0 to 1. */
export function lifespan(maxAgeMs: number, chance: number): number {
  return Math.round(maxAgeMs * (1 - ageJitter * chance));
}
