import { readSync, writeSync } from 'node:fs';
import { monotonicMicroseconds } from '../host/clock.ts';
import { openMemoryFile } from '../host/kernel/memory-files.ts';
import { closeDescriptor } from '../host/kernel/sockets.ts';
import { headerBytes, parseSlots, type ShownSlot, slotBytes } from './scoreboard.ts';

const magic = 'RFSB';
const version = 1;

/** A slot changes at the beginning of a request, for less than a microsecond. */
const mostLooks = 5;

/** Where a worker shows what it does. */
export interface Scoreboard {
  /**
   * One slot for each thread; none when it was closed. Looks only at memory: the worker is not asked.
   *
   * @param longestMs the longest that a request can have taken, whatever the worker says.
   */
  slots(longestMs: number): readonly ShownSlot[];
  close(): void;
}

/**
 * Memory that a worker of the engine shows in what it does, a slot for each thread, and that the daemon reads without
 * asking it. All numbers are in the byte order of the machine.
 *
 *     0   "RFSB", version, number of slots, bytes of a slot (4 bytes each); zeros up to byte 64
 *     64  the slots
 */
export class ScoreboardFile implements Scoreboard {
  readonly fd: number;
  readonly #sizeBytes: number;
  #isOpen = true;

  /** @throws RunfcgidError KERNEL when no descriptor is left. */
  constructor(slots: number) {
    this.#sizeBytes = headerBytes + slots * slotBytes;
    this.fd = openMemoryFile('runfcgid-scoreboard', this.#sizeBytes);
    const numbers = Buffer.from(Uint32Array.of(version, slots, slotBytes).buffer);
    writeSync(this.fd, Buffer.concat([Buffer.from(magic, 'latin1'), numbers]), 0, undefined, 0);
  }

  slots(longestMs: number): readonly ShownSlot[] {
    let seen: readonly (ShownSlot | undefined)[] = [];
    for (let look = 0; look < mostLooks; look += 1) {
      const readings = [this.#read(), this.#read(), this.#read()] as const;
      seen = parseSlots(readings, { nowSeconds: Number(monotonicMicroseconds()) / 1e6, longestMs });
      if (!seen.includes(undefined)) break;
    }
    // A worker that was killed at that very moment had a request in hand.
    return seen.map((slot) => slot ?? nameless);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeDescriptor(this.fd);
  }

  #read(): Buffer {
    if (!this.#isOpen) return Buffer.alloc(0);
    const bytes = Buffer.alloc(this.#sizeBytes);
    return bytes.subarray(0, readSync(this.fd, bytes, 0, bytes.length, 0));
  }
}

const nameless: ShownSlot = {
  number: 0,
  request: { method: '', uri: '', remote: '', ageMs: 0, bytes: 0 },
};
