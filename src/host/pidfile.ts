import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { RunfcgidError } from '../errors.ts';
import { FileRefused, inDirectoryOf } from './destination.ts';
import { tryLock } from './kernel/processes.ts';
import { isErrno } from './kernel.ts';
import { processStart } from './process-start.ts';

/** How far a process's start and a file's time may lie apart when both are of one moment: they tick differently. */
const toleranceMs = 1_000;

const attempts = 10;

export interface Pidfile {
  /** Removes the file if it is still ours, and frees the lock. */
  release(): void;
}

/** Whether a living process has taken the pidfile. */
export function isTaken(path: string): boolean {
  const descriptor = openExisting(path);
  if (descriptor === undefined) return false;
  try {
    return livingOwner(descriptor, readPid(descriptor, path)) !== undefined;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes our process id, alone on one line, for `kill $(cat pidfile)`. The file appears complete and locked
 * (flock(2)), or not at all.
 *
 * A file that is there already belongs to a living daemon when it is locked, or when the process with its pid
 * started before the file was written (another program's pidfile, or a file system without locks). In all other
 * cases its writer is dead, whoever has the pid now, and it is replaced.
 *
 * @param predecessors daemons that are about to end: a file of theirs is replaced as well.
 * @throws RunfcgidError DAEMON_RUNNING, or DAEMON_FILE_FAILED when the file cannot be written.
 */
export function takePidfile(path: string, predecessors: readonly number[] = []): Pidfile {
  try {
    const descriptor = inDirectoryOf(path, (heldPath) => take({ path, heldPath, predecessors }));
    return { release: () => release(path, descriptor) };
  } catch (error) {
    const isTold = error instanceof RunfcgidError && !(error instanceof FileRefused);
    throw isTold ? error : notWritable(path, error);
  }
}

interface Taking {
  /** For messages. */
  readonly path: string;
  /** The same file, in a directory that nobody can exchange meanwhile. */
  readonly heldPath: string;
  readonly predecessors: readonly number[];
}

function take(taking: Taking): number {
  const ownPath = `${taking.heldPath}.${process.pid}`;
  const descriptor = writeOwn(ownPath);
  try {
    publish(ownPath, taking);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  } finally {
    rmSync(ownPath, { force: true });
  }
}

function writeOwn(ownPath: string): number {
  rmSync(ownPath, { force: true });
  const descriptor = openSync(ownPath, 'wx', 0o644);
  // open(2) subtracts the umask; anybody may know the pid.
  fchmodSync(descriptor, 0o644);
  lockIfPossible(descriptor);
  writeSync(descriptor, `${process.pid}\n`);
  return descriptor;
}

function publish(ownPath: string, taking: Taking): void {
  // Between two steps somebody may remove or replace the file: then look again.
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (isPublished(ownPath, taking.heldPath) || hasReplaced(ownPath, taking)) return;
  }
  throw new RunfcgidError('DAEMON_RUNNING', `other daemons fight for the pidfile ${taking.path}`);
}

function isPublished(ownPath: string, path: string): boolean {
  try {
    linkSync(ownPath, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function hasReplaced(ownPath: string, { path, heldPath, predecessors }: Taking): boolean {
  const descriptor = openExisting(heldPath);
  if (descriptor === undefined) return false;
  try {
    const pid = readPid(descriptor, path);
    const owner = livingOwner(descriptor, pid);
    if (owner !== undefined && (pid === undefined || !predecessors.includes(pid))) {
      throw new RunfcgidError('DAEMON_RUNNING', `${owner} already runs here, says the pidfile ${path}`, {
        hint: 'Stop it with "fcgictl stop", or give this daemon a "runtime_dir" or "pidfile" of its own.',
      });
    }
    // While we hold the lock on a dead daemon's file, no other daemon replaces it.
    if (lstatSync(heldPath, { throwIfNoEntry: false })?.ino !== fstatSync(descriptor).ino) return false;
    renameSync(ownPath, heldPath);
    return true;
  } finally {
    closeSync(descriptor);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Who the file belongs to, in words, if that process lives. */
function livingOwner(descriptor: number, pid: number | undefined): string | undefined {
  if (!lockIfPossible(descriptor)) return pid === undefined ? 'another daemon' : `process ${pid}`;
  if (pid === undefined || pid === process.pid) return undefined;
  const startMs = processStart(pid);
  const isWriter = startMs !== undefined && startMs <= fstatSync(descriptor).mtimeMs + toleranceMs;
  return isWriter ? `process ${pid}` : undefined;
}

function readPid(descriptor: number, path: string): number | undefined {
  const beginning = Buffer.alloc(100);
  const isFile = fstatSync(descriptor).isFile();
  const length = isFile ? readSync(descriptor, beginning, 0, beginning.length, 0) : 0;
  const text = isFile ? beginning.toString('latin1', 0, length).trim() : '-';
  if (text === '') return undefined;
  const line = text.split('\n', 1)[0]?.trim() ?? '';
  if (/^[1-9]\d{0,9}$/.test(line)) return Number(line);
  throw new RunfcgidError('DAEMON_FILE_FAILED', `${path} holds something else than a process id`, {
    hint: 'It is left as it is. Set "pidfile" in [daemon] to a path of its own, or remove the file.',
  });
}

/** False when another process holds the lock; true also on a file system that knows no locks. */
function lockIfPossible(descriptor: number): boolean {
  try {
    return tryLock(descriptor);
  } catch (error) {
    if (isErrno(error, 'ENOLCK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL')) return true;
    throw error;
  }
}

function release(path: string, descriptor: number): void {
  try {
    inDirectoryOf(path, (heldPath) => {
      const found = lstatSync(heldPath, { throwIfNoEntry: false });
      if (found?.ino === fstatSync(descriptor).ino) rmSync(heldPath, { force: true });
    });
  } catch {
    // What the path leads to by now is not ours, or may not be removed: a daemon ends all the same.
  }
  closeSync(descriptor);
}

function notWritable(path: string, cause: unknown): RunfcgidError {
  return new RunfcgidError('DAEMON_FILE_FAILED', `the pidfile ${path} cannot be written`, {
    cause,
    hint:
      cause instanceof FileRefused
        ? cause.refusal.hint
        : `Make its directory and let the daemon's user write there, or set "pidfile" in [daemon].`,
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
