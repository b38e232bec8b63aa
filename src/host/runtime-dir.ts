import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { RunfcgidError } from '../errors.ts';

/**
 * Makes a directory for sockets, pidfile and log: mode 0755 when it is new, untouched when it exists.
 *
 * @throws RunfcgidError DAEMON_START_FAILED when it cannot be made or is something else.
 */
export function prepareRuntimeDir(path: string): void {
  try {
    const firstMade = mkdirSync(path, { recursive: true, mode: 0o755 });
    // mkdir(2) subtracts the umask, and the web server must get through.
    if (firstMade !== undefined) chmodSync(path, 0o755);
  } catch (error) {
    throw new RunfcgidError('DAEMON_START_FAILED', `the runtime directory ${path} cannot be made`, {
      cause: error,
      hint: 'Make it as root for the user of the daemon, or set "runtime_dir" in [daemon] to a place of your own.',
    });
  }
  if (!statSync(path).isDirectory()) {
    throw new RunfcgidError('DAEMON_START_FAILED', `the runtime directory ${path} is not a directory`);
  }
}
