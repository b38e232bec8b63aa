import { readSync, writeSync } from 'node:fs';
import { openMemoryFile } from '../host/kernel/memory-files.ts';
import { closeDescriptor } from '../host/kernel/sockets.ts';

const magic = 'RFSB';
const version = 1;
export const headerBytes = 64;
export const slotBytes = 512;

/**
 * Memory that a worker of the engine shows in what it does, a slot for each thread, and that the daemon reads without
 * asking it. All numbers are in the byte order of the machine.
 *
 *     0   "RFSB", version, number of slots, bytes of a slot (4 bytes each); zeros up to byte 64
 *     64  the slots
 */
export class ScoreboardFile {
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

  /** What is in it now, the header included; nothing when it was closed. The worker may have written anything there. */
  read(): Buffer {
    const bytes = Buffer.alloc(this.#sizeBytes);
    return this.#isOpen
      ? bytes.subarray(0, readSync(this.fd, bytes, 0, bytes.length, 0))
      : bytes.subarray(0, 0);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeDescriptor(this.fd);
  }
}
