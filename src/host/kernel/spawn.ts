import { callKernel, callKernelForError, hasFunction, isErrno, listOfStrings } from '../kernel.ts';
import { readInt32 } from './native-bytes.ts';
import { closeDescriptor } from './sockets.ts';

export interface ProcessStart {
  /** An absolute path. */
  readonly program: string;
  /** Without the program itself. */
  readonly args: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What the process gets as its descriptors, from 0 on; `ignore` is /dev/null. */
  readonly descriptors: readonly (number | 'ignore')[];
}

/** Room for posix_spawn_file_actions_t, posix_spawnattr_t and sigset_t: glibc needs 80, 336 and 128 bytes, musl less. */
const structSize = 1024;
/** spawn.h; the last one is of glibc 2.26 and musl 1.1.17. */
const flag = { setDefaultSignals: 4, setSignalMask: 8, newSession: 0x80 } as const;
const changeDirectory = 'posix_spawn_file_actions_addchdir_np';
const readWrite = 2;
const duplicateCloexec = 1030;

/**
 * Starts a program as the leader of a session of its own, with default signal dispositions and an empty mask.
 *
 * Through posix_spawn(3), which borrows our memory until the program runs (CLONE_VFORK, clone(2)): fork(2), Node's way,
 * copies the page tables of the whole daemon, and the daemon then stumbles over each page that it touches again. Node
 * does not know of the process: see child-exits.ts.
 *
 * @returns its pid.
 * @throws RunfcgidError KERNEL
 */
export function spawnProcess(start: ProcessStart): number {
  const { program, args, directory } = start;
  if (!hasFunction(changeDirectory)) {
    // Before glibc 2.29; those systems have an env(1) that can do it.
    return spawn({ ...start, program: '/usr/bin/env', args: [`--chdir=${directory}`, program, ...args] });
  }
  try {
    return spawn(start);
  } catch (error) {
    if (!isErrno(error, 'ENOEXEC')) throw error;
    // As execvp(3) does it: a script without a first line that names its interpreter.
    return spawn({ ...start, program: '/bin/sh', args: [program, ...args] });
  }
}

function spawn({ program, args, directory, environment, descriptors }: ProcessStart): number {
  const copies: number[] = [];
  const actions = Buffer.alloc(structSize);
  const attributes = Buffer.alloc(structSize);
  callKernelForError('posix_spawn_file_actions_init', actions);
  callKernelForError('posix_spawnattr_init', attributes);
  try {
    setAttributes(attributes);
    if (hasFunction(changeDirectory)) callKernelForError(changeDirectory, actions, directory);
    for (const [number, source] of descriptors.entries()) {
      if (source === 'ignore') {
        callKernelForError('posix_spawn_file_actions_addopen', actions, number, '/dev/null', readWrite, 0);
      } else {
        const above = source < descriptors.length ? copyAbove(source, descriptors.length) : source;
        if (above !== source) copies.push(above);
        callKernelForError('posix_spawn_file_actions_adddup2', actions, above, number);
      }
    }
    const pid = Buffer.alloc(4);
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const argv = listOfStrings([program, ...args]);
    callKernelForError('posix_spawn', pid, program, actions, attributes, argv, listOfStrings(variables));
    return readInt32(pid, 0);
  } finally {
    callKernelForError('posix_spawn_file_actions_destroy', actions);
    callKernelForError('posix_spawnattr_destroy', attributes);
    for (const copy of copies) closeDescriptor(copy);
  }
}

function setAttributes(attributes: Buffer): void {
  // Not sigfillset(3), which leaves out the two signals that glibc keeps for itself: the program would ignore them.
  callKernelForError('posix_spawnattr_setsigmask', attributes, Buffer.alloc(structSize));
  callKernelForError('posix_spawnattr_setsigdefault', attributes, Buffer.alloc(structSize, 0xff));
  const flags = flag.setDefaultSignals | flag.setSignalMask | flag.newSession;
  callKernelForError('posix_spawnattr_setflags', attributes, flags);
}

/** A descriptor with the number of one of the program's would be overwritten before it is handed over. */
function copyAbove(fd: number, least: number): number {
  return callKernel('fcntl', fd, duplicateCloexec, 'int', least);
}
