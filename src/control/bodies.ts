import { RunfcgidError } from '../errors.ts';
import type { PoolSelection, StopVerb } from '../pools/commands.ts';

/** As in the configuration. */
const mostWorkers = 1024;

const poolsHint = 'Send {"pools": "all"} or {"pools": ["NAME", …]}.';
const restartHint = `${poolsHint.slice(0, -1)}, and "isHard": true to stop them first, or "isNow": true to kill them first.`;
const scaleHint = 'Send {"pool": "NAME", "workers": 4}.';

export interface RestartBody {
  readonly pools: PoolSelection;
  /** How to stop first; `undefined`: not at all, a reload. */
  readonly stopBy: StopVerb | undefined;
}

export interface ScaleBody {
  readonly pool: string;
  readonly workers: number;
}

/**
 * Reads `{"pools": ["a", "b"]}` or `{"pools": "all"}`.
 *
 * @throws RunfcgidError USAGE for anything else; so do all the others here.
 */
export function parsePools(body: string): PoolSelection {
  return poolsIn(parseObject(body, ['pools'], poolsHint), poolsHint);
}

/** Like `parsePools`, with an optional `"isHard": true` or `"isNow": true`. */
export function parseRestart(body: string): RestartBody {
  const request = parseObject(body, ['pools', 'isHard', 'isNow'], restartHint);
  const [isHard, isNow] = [isTrue(request, 'isHard'), isTrue(request, 'isNow')];
  const stopBy = isNow ? 'kill' : isHard ? 'stop' : undefined;
  return { pools: poolsIn(request, restartHint), stopBy };
}

/** Reads `{"pool": "a", "workers": 4}`. */
export function parseScale(body: string): ScaleBody {
  const { pool, workers } = parseObject(body, ['pool', 'workers'], scaleHint);
  if (typeof pool !== 'string') throw refuse('the request names no pool', scaleHint);
  if (typeof workers !== 'number' || !Number.isInteger(workers) || workers < 1 || workers > mostWorkers) {
    throw refuse(`"workers" is not a number from 1 to ${mostWorkers}`, scaleHint);
  }
  return { pool, workers };
}

/** Reads `{}`, or nothing. */
export function parseNothing(body: string): void {
  if (body !== '') parseObject(body, [], 'Send {} or nothing.');
}

function poolsIn({ pools }: Readonly<Record<string, unknown>>, hint: string): PoolSelection {
  if (pools === 'all') return 'all';
  if (!Array.isArray(pools) || pools.length === 0 || !pools.every((pool) => typeof pool === 'string')) {
    throw refuse('the request names no pools', hint);
  }
  return [...new Set(pools)];
}

/** One that is not there is false. */
function isTrue(request: Readonly<Record<string, unknown>>, key: string): boolean {
  const { [key]: value = false } = request;
  if (typeof value !== 'boolean') throw refuse(`"${key}" is neither true nor false`, restartHint);
  return value;
}

function parseObject(body: string, keys: readonly string[], hint: string): Readonly<Record<string, unknown>> {
  const request = parseJson(body, hint);
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw refuse('the body of the request is not a JSON object', hint);
  }
  const unknown = Object.keys(request).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw refuse(`the request has an unknown key "${unknown}"`, hint);
  return { ...request };
}

function parseJson(body: string, hint: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new RunfcgidError('USAGE', 'the body of the request is not JSON', { cause, hint });
  }
}

function refuse(message: string, hint: string): RunfcgidError {
  return new RunfcgidError('USAGE', message, { hint });
}
