import { randomHex } from '../host/kernel/random.ts';

let family: string | undefined;

/**
 * Hexadecimal digits that every marker of this daemon has, and nobody else's: by them the daemon that comes after it
 * knows also a worker that was started in the moment before this one was killed, and is in no list.
 */
export function markerFamily(): string {
  family ??= randomHex(8);
  return family;
}

/** Unique for the life of the daemon. `name` is `pool/1` or `pool/fork-server`; but for that all are equally long. */
export function newMarker(name: string): string {
  return `${name}:${markerFamily()}${randomHex(8)}`;
}

export function isOfFamily(marker: string, digits: string): boolean {
  return marker.startsWith(digits, marker.lastIndexOf(':') + 1);
}

export function poolOf(marker: string): string {
  return marker.slice(0, marker.lastIndexOf('/'));
}
