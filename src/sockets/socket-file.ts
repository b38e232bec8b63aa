import { chmodSync, chownSync, closeSync, constants, fstatSync, openSync } from 'node:fs';

/** Holds a file without opening it (open(2)); the same number on every architecture that Node runs on but SPARC. */
const pathOnly = 0o10000000;

export interface SocketFileOwner {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/**
 * Holds the file of a Unix socket that this process has bound, for its mode and owner to be set. The directory may
 * belong to the user of a site, who can put something else at the name at any moment: chmod(2) and chown(2) by the
 * name would let a symbolic link choose which file root gives away.
 *
 * @throws Error when something else is at the name, or the error of the system.
 */
export class SocketFile {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, pathOnly | constants.O_NOFOLLOW);
    const stats = fstatSync(this.#descriptor);
    if (stats.isSocket() && stats.uid === process.geteuid?.()) return;
    this.close();
    throw new Error(`${path} is not the socket that was made there: somebody has replaced it`);
  }

  setMode(mode: number): void {
    chmodSync(this.#name, mode);
  }

  setOwner({ uid, gid }: SocketFileOwner): void {
    chownSync(this.#name, uid ?? -1, gid ?? -1);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Leads to the held file itself, wherever its name leads by now (proc_pid_fd(5)). */
  get #name(): string {
    return `/proc/self/fd/${this.#descriptor}`;
  }
}
