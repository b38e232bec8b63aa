import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { openWithSpare } from './spare-descriptors.ts';

/** Why something about a process cannot be read: it is gone, or we have no right to look. */
export type Unreadable = 'gone' | 'denied';

/** Every process there is. */
export function processIds(): readonly number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Socket inode to descriptor (one of them, when there are several) of a process (proc_pid_fd(5)). */
export function socketDescriptors(pid: number): ReadonlyMap<number, number> | Unreadable {
  const directory = `/proc/${pid}/fd`;
  const sockets = new Map<number, number>();
  try {
    for (const fd of list(directory)) {
      const inode = socketInode(`${directory}/${fd}`);
      if (inode !== undefined) sockets.set(inode, Number(fd));
    }
  } catch (error) {
    return reasonOf(error);
  }
  return sockets;
}

/** The name of the program (proc_pid_comm(5)), `undefined` when the process is gone. */
export function processName(pid: number): string | undefined {
  return unlessGone(() => read(`/proc/${pid}/comm`, 'utf8').trimEnd());
}

/** The effective user of a process, `undefined` when it is gone. */
export function processUser(pid: number): number | undefined {
  return unlessGone(() => statSync(`/proc/${pid}`).uid);
}

/**
 * One letter for each thread of a process: `R`, `S`, `D`, `T` (stopped), `Z` (ended, not collected) and so on
 * (proc_pid_stat(5), field 3). Empty when the process is gone.
 */
export function threadStates(pid: number): readonly string[] {
  const directory = `/proc/${pid}/task`;
  const threads = unlessGone(() => list(directory)) ?? [];
  return threads
    .map((thread) => unlessGone(() => read(`${directory}/${thread}/stat`)))
    .filter((stat) => stat !== undefined)
    .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).charAt(0));
}

/** Numbers of accept and accept4 (asm/unistd.h) for the architectures that Node runs on. */
const acceptCalls: Readonly<Record<string, readonly string[]>> = {
  x64: ['43', '288'],
  arm64: ['202', '242'],
};

/**
 * True when every thread of a process is inside accept(2) and thus does nothing but wait for a connection
 * (proc_pid_syscall(5)); false also where that cannot be seen.
 */
export function isAccepting(pid: number): boolean {
  const directory = `/proc/${pid}/task`;
  const calls = acceptCalls[process.arch] ?? [];
  const threads = unlessGone(() => list(directory)) ?? [];
  return threads.every((thread) => {
    const text = unlessGone(() => read(`${directory}/${thread}/syscall`)) ?? '';
    return calls.includes(text.split(' ')[0] ?? '');
  });
}

function list(directory: string): readonly string[] {
  return openWithSpare(() => readdirSync(directory));
}

function read(file: string, encoding: 'latin1' | 'utf8' = 'latin1'): string {
  return openWithSpare(() => readFileSync(file, encoding));
}

function socketInode(link: string): number | undefined {
  try {
    const target = readlinkSync(link);
    return target.startsWith('socket:[') ? Number(target.slice('socket:['.length, -1)) : undefined;
  } catch (error) {
    // The descriptor was closed since the directory was listed.
    if (reasonOf(error) === 'gone') return undefined;
    throw error;
  }
}

function unlessGone<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    reasonOf(error);
    return undefined;
  }
}

// Anything else, such as no descriptor left for us, hides as much as a missing right does.
function reasonOf(error: unknown): Unreadable {
  if (!(error instanceof Error && 'code' in error)) throw error;
  return error.code === 'ENOENT' || error.code === 'ESRCH' ? 'gone' : 'denied';
}
