import { mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { RunfcgidError } from '../errors.ts';
import type { Refusal } from './file-trust.ts';

/**
 * Makes a directory for sockets, pidfile and log: mode 0755 when it is new, untouched when it exists.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when it cannot be made, is something else, or is not safe from others.
 */
export function prepareRuntimeDir(path: string): void {
  try {
    make(path);
  } catch (error) {
    throw new RunfcgidError('DAEMON_FILE_FAILED', `the runtime directory ${path} cannot be made`, {
      cause: error,
      hint: 'Make it as root for the user of the daemon, or set "runtime_dir" (in [daemon], or as the word runtime_dir=DIR of "runfcgid runfcgi") to a place of your own.',
    });
  }
  const found = statSync(path);
  if (!found.isDirectory()) {
    throw new RunfcgidError('DAEMON_FILE_FAILED', `the runtime directory ${path} is not a directory`);
  }
  const refusal = refuseUnsafe(path, found);
  if (refusal !== undefined) {
    throw new RunfcgidError('DAEMON_FILE_FAILED', refusal.message, { hint: refusal.hint });
  }
}

/**
 * Why the daemon would refuse a runtime directory that is there already. `undefined` also for one of another user: the
 * daemon may be his.
 */
export function refusalOfRuntimeDir(path: string): Refusal | undefined {
  try {
    const found = statSync(path);
    return isForeign(found) ? undefined : refuseUnsafe(path, found);
  } catch {
    return undefined;
  }
}

/** Not chmod(2) afterwards: where others may write, what is at the name by then may be a link to any directory. */
function make(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  // mkdir(2) subtracts the umask, and the web server must get through.
  const umask = process.umask(0o022);
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  } finally {
    process.umask(umask);
  }
}

const groupWritable = 0o020;
const otherWritable = 0o002;
const sticky = 0o1000;

/** Whoever can exchange files here can pass his own control socket or list of workers off as ours. */
function refuseUnsafe(path: string, stats: Stats): Refusal | undefined {
  const { uid, gid, mode } = stats;
  const isForEverybody = (mode & otherWritable) !== 0;
  const isForGroup = (mode & groupWritable) !== 0 && gid !== 0 && gid !== process.getegid?.();
  if (!isForeign(stats) && ((mode & sticky) !== 0 || !(isForEverybody || isForGroup))) return undefined;
  const writer = isForEverybody ? 'everybody' : `another group than ours (gid ${gid})`;
  const why = isForeign(stats) ? `belongs to another user (uid ${uid})` : `can be written by ${writer}`;
  return {
    message: `the runtime directory ${path} ${why}`,
    hint: 'Change its owner and mode, or set "runtime_dir" in [daemon] to a directory of your own.',
  };
}

function isForeign({ uid }: Stats): boolean {
  return uid !== process.geteuid?.() && uid !== 0;
}
