import { endianness } from 'node:os';

export const headerBytes = 64;
export const slotBytes = 512;

/** What one thread of a worker shows (python/runfcgi/serving/scoreboard.py has the bytes). */
export interface ShownSlot {
  /** Requests that have begun in this thread: the number of the one in hand, or of the last. */
  readonly number: number;
  /** The one in hand. */
  readonly request: ShownRequest | undefined;
}

export interface ShownRequest {
  readonly method: string;
  /** With its query; the beginning of a long one. */
  readonly uri: string;
  readonly remote: string;
  readonly ageMs: number;
  /** Of the response, head included, as far as it was sent. */
  readonly bytes: number;
}

/** The same file read three times, one after the other. */
export type Readings = readonly [first: Buffer, second: Buffer, third: Buffer];

/** The clock that the worker reads, and the longest time that a request of it can have taken. */
export interface Times {
  /** CLOCK_MONOTONIC. */
  readonly nowSeconds: number;
  readonly longestMs: number;
}

const stateOffset = 8;
const bytesOffset = 16;
const startOffset = 24;
const textOffset = 32;
const textBytes = 328;
const lastOffset = 504;
const busy = 2n;
const longest = { method: 16, uri: 256, remote: 48 } as const;
const isLittleEndian = endianness() === 'LE';

/**
 * The slots; `undefined` for one that changes just now. A slot is whole when its last bytes in the first reading and
 * its first bytes in the third are the same number: the worker writes from the first byte to the last, so that nothing
 * was written to it during the second.
 *
 * The worker may have written anything: nothing is believed that could not be, and texts have no control characters.
 */
export function parseSlots(
  [first, second, third]: Readings,
  times: Times,
): readonly (ShownSlot | undefined)[] {
  const shortest = Math.min(first.length, second.length, third.length);
  const count = Math.max(0, Math.floor((shortest - headerBytes) / slotBytes));
  return Array.from({ length: count }, (_, index) => {
    const start = headerBytes + index * slotBytes;
    const number = viewOf(second).getBigUint64(start, isLittleEndian);
    const isWhole =
      viewOf(first).getBigUint64(start + lastOffset, isLittleEndian) === number &&
      viewOf(second).getBigUint64(start + lastOffset, isLittleEndian) === number &&
      viewOf(third).getBigUint64(start, isLittleEndian) === number;
    return isWhole ? parseSlot(second.subarray(start, start + slotBytes), times) : undefined;
  });
}

function parseSlot(slot: Buffer, { nowSeconds, longestMs }: Times): ShownSlot {
  const view = viewOf(slot);
  const number = toNumber(view.getBigUint64(0, isLittleEndian));
  if (view.getBigUint64(stateOffset, isLittleEndian) !== busy) return { number, request: undefined };
  const ageMs = (nowSeconds - view.getFloat64(startOffset, isLittleEndian)) * 1_000;
  const bytes = toNumber(view.getBigUint64(bytesOffset, isLittleEndian));
  const [remote = '', method = '', uri = ''] = textsOf(slot);
  return {
    number,
    request: {
      method: method.slice(0, longest.method),
      uri: uri.slice(0, longest.uri),
      remote: remote.slice(0, longest.remote),
      ageMs: Number.isFinite(ageMs) ? Math.min(Math.max(ageMs, 0), longestMs) : 0,
      bytes,
    },
  };
}

/** Each byte that a web server sent is there as the character of that number; most of them mean UTF-8. */
function textsOf(slot: Buffer): readonly string[] {
  const text = slot.toString('utf8', textOffset, textOffset + textBytes);
  return text
    .split('\0', 3)
    .map((part) => Buffer.from(part, 'latin1').toString('utf8').replaceAll(/\p{C}/gu, '\u{fffd}'));
}

function toNumber(value: bigint): number {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : 0;
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
