import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { openWithSpare } from './spare-descriptors.ts';

/** Holds a file without opening it (open(2)); the same number on every architecture that Node runs on but SPARC. */
const pathOnly = 0o10000000;

/**
 * A file that is held and not opened: nothing happens to a device or a FIFO, no right is needed but to search the
 * directory, and what is found out about the file stays true of it, whatever somebody puts in its place meanwhile. Only
 * for a moment: it may have a spare descriptor.
 */
export class HeldFile {
  readonly descriptor: number;
  readonly stats: Stats;

  /**
   * @param last whether a symbolic link at the end of the path is what is held, or what it leads to.
   * @throws the system's error.
   */
  constructor(path: string, last: 'link' | 'target' = 'link') {
    const flags = pathOnly | (last === 'link' ? constants.O_NOFOLLOW : 0);
    this.descriptor = openWithSpare(() => openSync(path, flags));
    this.stats = fstatSync(this.descriptor);
  }

  /** Leads to the held file itself, wherever its name leads by now (proc_pid_fd(5)). */
  get path(): string {
    return `/proc/self/fd/${this.descriptor}`;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
