import { chmodSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { RunfcgidError } from '../errors.ts';

/**
 * Makes a directory for sockets, pidfile and log: mode 0755 when it is new, untouched when it exists.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when it cannot be made, is something else, or is not safe from others.
 */
export function prepareRuntimeDir(path: string): void {
  try {
    const firstMade = mkdirSync(path, { recursive: true, mode: 0o755 });
    // mkdir(2) subtracts the umask, and the web server must get through.
    if (firstMade !== undefined) chmodSync(path, 0o755);
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
  refuseUnsafe(path, found);
}

const otherWritable = 0o002;
const sticky = 0o1000;

/** Whoever can exchange files here can pass his own control socket or list of workers off as ours. */
function refuseUnsafe(path: string, { uid, mode }: Stats): void {
  const owner = process.geteuid?.();
  const isForeign = uid !== owner && uid !== 0;
  if (!isForeign && ((mode & otherWritable) === 0 || (mode & sticky) !== 0)) return;
  const why = isForeign ? `belongs to another user (uid ${uid})` : 'can be written by everybody';
  throw new RunfcgidError('DAEMON_FILE_FAILED', `the runtime directory ${path} ${why}`, {
    hint: 'Change its owner and mode, or set "runtime_dir" in [daemon] to a directory of your own.',
  });
}
