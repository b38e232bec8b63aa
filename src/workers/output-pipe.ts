import { fchownSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { openPipe } from '../host/kernel/pipes.ts';
import { closeDescriptor } from '../host/kernel/sockets.ts';
import type { Identity } from '../plan/plan.ts';

/**
 * A real pipe for a worker's standard output or error. Node's own 'pipe' is a socket, and programs that open
 * /dev/stderr by its name (shell scripts, PHP's error_log) fail on one with ENXIO.
 */
export class OutputPipe {
  /** For the worker. */
  readonly writeEnd: number;
  /** For us; ends when the last process has closed its end. */
  readonly stream: Readable;

  /** @throws RunfcgidError KERNEL when no descriptor is left. */
  constructor(identity: Identity | undefined) {
    const { readEnd, writeEnd } = openPipe();
    // Opening /dev/stderr by name asks for the rights of a file, and the pipe is the daemon's.
    if (identity !== undefined && process.geteuid?.() === 0) fchownSync(writeEnd, identity.uid, identity.gid);
    this.writeEnd = writeEnd;
    this.stream = new Socket({ fd: readEnd, readable: true, writable: false });
  }

  /** The worker has its copy, or there will be no worker: the stream now ends with the last of the others. */
  closeWriteEnd(): void {
    closeDescriptor(this.writeEnd);
  }
}
