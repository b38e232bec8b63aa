import { chmodSync, lstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HeldFile } from '../host/held-file.ts';
import { randomHex } from '../host/kernel/random.ts';
import { examinePath } from './unix-path.ts';

/** Where sockets may get their private names: names there lead only us to them. */
export function privateDirectories(runtimeDir: string, publicPath: string): readonly string[] {
  const beside = join(dirname(publicPath), `.runfcgid-${process.geteuid?.() ?? 0}`);
  return [join(runtimeDir, 'private'), beside];
}

/**
 * Makes the directory for our eyes only, whatever the umask, and removes what daemons left there that were
 * killed. The parent must exist.
 *
 * @throws the error of the system, or an Error when the directory belongs to somebody else.
 */
export function preparePrivateDirectory(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700 });
  closeToOthers(path);
  removeLeftovers(path);
}

/** A name nobody can guess. It begins with our pid, so that it is known for a leftover when we are gone. */
export function privateName(directory: string, prefix = ''): string {
  return join(directory, `${prefix}${process.pid}.${randomHex(6)}`);
}

/**
 * Removes a name that may be gone already, and its directory when it was made beside an address and is empty. One that
 * cannot be removed stays for the next daemon to remove: the socket has to be closed all the same.
 */
export function removePrivateName(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or in a directory that may not be written any more.
  }
  const directory = dirname(path);
  if (!directory.endsWith(`/.runfcgid-${process.geteuid?.() ?? 0}`)) return;
  try {
    rmdirSync(directory);
  } catch {
    // Another socket of ours still is in it, or it is gone already.
  }
}

export function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

/** The name may be in a directory of another user, who can put a link there at any moment: chmod(2) would follow it. */
function closeToOthers(path: string): void {
  const directory = new HeldFile(path);
  try {
    const { stats } = directory;
    if (!stats.isDirectory()) throw new Error(`${path} is not a directory`);
    if (stats.uid !== process.geteuid?.()) {
      throw new Error(`${path} belongs to another user (uid ${stats.uid})`);
    }
    if ((stats.mode & 0o777) !== 0o700) chmodSync(directory.path, 0o700);
  } finally {
    directory.close();
  }
}

function removeLeftovers(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = Number(/^(\d+)\.[0-9a-f]{12}$/.exec(name)?.[1]);
    const path = join(directory, name);
    if (pid > 0 && !isRunning(pid) && examinePath(path).kind === 'stale') unlinkIfThere(path);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
