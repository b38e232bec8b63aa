import { constants } from 'node:os';

const millisecondsPer = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const bytesPer = { B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 } as const;

/** Stopping or continuing a worker, or telling it that a child ended, is no way to end it. */
const signalsThatStopNothing = ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT', 'SIGCHLD', 'SIGURG'];

/**
 * Reads `500ms`, `30s`, `1h30m`, or a bare number of seconds. Returns milliseconds.
 *
 * @throws SyntaxError with what was expected.
 */
export function parseDuration(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? `${text}s` : text;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(seconds)) {
    throw new SyntaxError('expected a duration such as "500ms", "30s", "5m" or "2h"');
  }
  const parts = seconds.matchAll(/(?<amount>[\d.]+)(?<unit>ms|s|m|h|d)/g);
  let totalMs = 0;
  for (const { groups } of parts) {
    totalMs += Number(groups?.['amount']) * millisecondsPer[groups?.['unit'] as keyof typeof millisecondsPer];
  }
  return Math.round(totalMs);
}

/** The shortest text that `parseDuration` reads back as the same number of milliseconds. */
export function formatDuration(durationMs: number): string {
  const units = ['d', 'h', 'm', 's'] as const;
  const unit = units.find((each) => durationMs > 0 && durationMs % millisecondsPer[each] === 0);
  return unit === undefined ? `${durationMs}ms` : `${durationMs / millisecondsPer[unit]}${unit}`;
}

/**
 * Reads `512K`, `200M`, `1.5G` (powers of 1024; a `B` or `iB` may follow) or a bare number of bytes. Returns bytes.
 *
 * @throws SyntaxError with what was expected.
 */
export function parseSize(text: string): number {
  const match = /^(?<amount>\d+(?:\.\d+)?)\s?(?<unit>[KMG]?)(?:i?B)?$/.exec(text);
  if (match === null) throw new SyntaxError('expected a size such as "512K", "200M" or "1G"');
  const unit = (match.groups?.['unit'] || 'B') as keyof typeof bytesPer;
  return Math.round(Number(match.groups?.['amount']) * bytesPer[unit]);
}

/** The shortest text that `parseSize` reads back as the same number of bytes. */
export function formatSize(bytes: number): string {
  const units = ['G', 'M', 'K'] as const;
  const unit = units.find((each) => bytes > 0 && bytes % bytesPer[each] === 0);
  return unit === undefined ? `${bytes}` : `${bytes / bytesPer[unit]}${unit}`;
}

/**
 * Reads `0660`, `660` or `0o660`: permission bits in octal, no set-id or sticky bits.
 *
 * @throws SyntaxError with what was expected.
 */
export function parseMode(text: string): number {
  const match = /^(?:0o?)?(?<digits>[0-7]{1,3})$/.exec(text);
  if (match === null) throw new SyntaxError('expected permission bits in octal such as "0660"');
  return Number.parseInt(match.groups?.['digits'] ?? '', 8);
}

/** Four octal digits, as `chmod` takes them. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/**
 * Reads `TERM`, `SIGTERM` or `sigterm`: a signal that can ask a program to end.
 *
 * @throws SyntaxError with what was expected.
 */
export function parseSignal(text: string): NodeJS.Signals {
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (signalsThatStopNothing.includes(name)) throw new SyntaxError('expected a signal that ends a program');
  if (!Object.hasOwn(constants.signals, name)) {
    throw new SyntaxError('expected the name of a signal such as "TERM", "INT" or "QUIT"');
  }
  return name as NodeJS.Signals;
}
