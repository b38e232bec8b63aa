import { chmodSync, chownSync } from 'node:fs';
import { HeldFile } from '../host/held-file.ts';

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
  readonly #held: HeldFile;

  /** @param uid whose it is by now; the daemon's own unless told. */
  constructor(path: string, uid: number | undefined = process.geteuid?.()) {
    this.#held = new HeldFile(path);
    const { stats } = this.#held;
    if (stats.isSocket() && stats.uid === uid) return;
    this.close();
    throw new Error(`${path} is not the socket that was made there: somebody has replaced it`);
  }

  setMode(mode: number): void {
    chmodSync(this.#held.path, mode);
  }

  setOwner({ uid, gid }: SocketFileOwner): void {
    chownSync(this.#held.path, uid ?? -1, gid ?? -1);
  }

  close(): void {
    this.#held.close();
  }
}
