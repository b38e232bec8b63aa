import { createRequire } from 'node:module';
import { constants, release } from 'node:os';
import { fileLimits, RunfcgidError } from '../errors.ts';

/**
 * The koffi boundary: C functions by name, called at once and never waiting. A pending asynchronous call of
 * koffi would keep `process.exit()` from returning and occupy one of libuv's four threads, so there are none.
 * What the calls mean stands in `kernel/*.ts`; nothing above those files knows of C.
 */
const prototypes = {
  accept4: 'int accept4(int, void *, void *, int)',
  bind: 'int bind(int, void *, unsigned int)',
  close: 'int close(int)',
  connect: 'int connect(int, void *, unsigned int)',
  dup2: 'int dup2(int, int)',
  fcntl: 'int fcntl(int, int, ...)',
  flock: 'int flock(int, int)',
  getrandom: 'long getrandom(void *, unsigned long, unsigned int)',
  getpeername: 'int getpeername(int, void *, void *)',
  getsockname: 'int getsockname(int, void *, void *)',
  getsockopt: 'int getsockopt(int, int, int, void *, void *)',
  listen: 'int listen(int, int)',
  memfd_create: 'int memfd_create(const char *, unsigned int)',
  pipe2: 'int pipe2(void *, int)',
  posix_spawn: 'int posix_spawn(void *, const char *, void *, void *, void *, void *)',
  posix_spawn_file_actions_addchdir_np: 'int posix_spawn_file_actions_addchdir_np(void *, const char *)',
  posix_spawn_file_actions_adddup2: 'int posix_spawn_file_actions_adddup2(void *, int, int)',
  posix_spawn_file_actions_addopen:
    'int posix_spawn_file_actions_addopen(void *, int, const char *, int, unsigned int)',
  posix_spawn_file_actions_destroy: 'int posix_spawn_file_actions_destroy(void *)',
  posix_spawn_file_actions_init: 'int posix_spawn_file_actions_init(void *)',
  posix_spawnattr_destroy: 'int posix_spawnattr_destroy(void *)',
  posix_spawnattr_init: 'int posix_spawnattr_init(void *)',
  posix_spawnattr_setflags: 'int posix_spawnattr_setflags(void *, short)',
  posix_spawnattr_setsigdefault: 'int posix_spawnattr_setsigdefault(void *, void *)',
  posix_spawnattr_setsigmask: 'int posix_spawnattr_setsigmask(void *, void *)',
  poll: 'int poll(void *, unsigned long, int)',
  prctl: 'int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)',
  readlinkat: 'long readlinkat(int, const char *, void *, unsigned long)',
  recv: 'long recv(int, void *, unsigned long, int)',
  sendmsg: 'long sendmsg(int, void *, int)',
  sendto: 'long sendto(int, void *, unsigned long, int, void *, unsigned int)',
  setsockopt: 'int setsockopt(int, int, int, void *, unsigned int)',
  shutdown: 'int shutdown(int, int)',
  socket: 'int socket(int, int, int)',
  socketpair: 'int socketpair(int, int, int, void *)',
  syscall: 'long syscall(long, ...)',
  waitpid: 'int waitpid(int, void *, int)',
} as const;

export type CallName = keyof typeof prototypes;
type Koffi = typeof import('koffi');
type ForeignFunction = (...values: readonly unknown[]) => number | bigint;

/** pidfd_getfd(2), the newest call used, came with Linux 5.6. */
const oldestKernel = [5, 6] as const;

let koffi: Koffi | undefined;
const functions = new Map<CallName, ForeignFunction>();
const missing = new Set<CallName>();

/** A system call that failed. `errno` is the name of errno(3), for callers that expect some of them. */
export class SystemCallError extends RunfcgidError {
  readonly errno: string;

  constructor(call: string, errno: string, words: string) {
    const hint = fileLimits[errno]?.hint;
    super('KERNEL', `${call} failed: ${words} (${errno})`, hint === undefined ? {} : { hint });
    this.errno = errno;
  }
}

/**
 * Calls a C function that reports failure by -1 and errno. A call that a signal interrupts (EINTR, signal(7); poll(2)
 * even without a timeout) is made again.
 *
 * @throws SystemCallError (a RunfcgidError KERNEL), or RunfcgidError DAEMON_PLATFORM at the first call.
 */
export function callKernel(name: CallName, ...values: readonly unknown[]): number {
  return callKernelAs(name, name, ...values);
}

/** Like `callKernel`, for functions that stand for several calls: `label` is the name that people know. */
export function callKernelAs(label: string, name: CallName, ...values: readonly unknown[]): number {
  for (;;) {
    const result = Number(foreignFunction(name)(...values));
    if (result !== -1) return result;
    const error = systemCallError(label, loadKoffi().errno());
    if (error.errno !== 'EINTR' || name === 'connect') throw error;
    // Linux has freed the descriptor by then, and another thread may have got its number (close(2)).
    if (name === 'close') return 0;
  }
}

/**
 * Calls a C function that returns 0, or what went wrong as an errno number (posix_spawn(3)).
 *
 * @throws SystemCallError, or RunfcgidError DAEMON_PLATFORM at the first call.
 */
export function callKernelForError(name: CallName, ...values: readonly unknown[]): void {
  const number = Number(foreignFunction(name)(...values));
  if (number !== 0) throw systemCallError(name, number);
}

/** False for a function that the C library does not have yet. */
export function hasFunction(name: CallName): boolean {
  if (missing.has(name)) return false;
  try {
    foreignFunction(name);
    return true;
  } catch (error) {
    if (error instanceof RunfcgidError) throw error;
    missing.add(name);
    return false;
  }
}

/** True when `error` is a failed system call with one of these errno names. */
export function isErrno(error: unknown, ...names: readonly string[]): error is SystemCallError {
  return error instanceof SystemCallError && names.includes(error.errno);
}

/** A C pointer to a buffer, which must stay referenced for as long as the kernel may look there. */
export function pointerTo(buffer: Buffer): Buffer {
  const address = loadKoffi().address(buffer);
  const isWide = loadKoffi().sizeof('void *') === 8;
  return Buffer.from((isWide ? BigUint64Array.of(address) : Uint32Array.of(Number(address))).buffer);
}

/** A C array of strings with a null pointer at its end, as arguments of a call take it (`char *const []`). */
export function listOfStrings(strings: readonly string[]): unknown {
  return loadKoffi().as([...strings, null], 'const char **');
}

/**
 * Loads the library if that has not happened yet.
 *
 * @throws RunfcgidError DAEMON_PLATFORM when this is not Linux 5.6 or later, or the library does not load.
 */
export function checkPlatform(): void {
  loadKoffi();
}

/** Why this platform will not do, as a sentence; `undefined` when it does. */
export function platformProblem(platform: string, kernelRelease: string): string | undefined {
  const needed = `runfcgid needs Linux ${oldestKernel.join('.')} or later`;
  if (platform !== 'linux') return `${needed}; this is ${platform}`;
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
  const isNewEnough = major > oldestKernel[0] || (major === oldestKernel[0] && minor >= oldestKernel[1]);
  return isNewEnough ? undefined : `${needed}; this is Linux ${kernelRelease}`;
}

function foreignFunction(name: CallName): ForeignFunction {
  const known = functions.get(name);
  if (known !== undefined) return known;
  // `null` is the program itself: whatever C library it is linked with, glibc or musl.
  const found: ForeignFunction = loadKoffi().load(null).func(prototypes[name]);
  functions.set(name, found);
  return found;
}

// Not an import statement: loading costs some 15 ms and 6 MB, which the client should not pay.
function loadKoffi(): Koffi {
  if (koffi !== undefined) return koffi;
  const problem = platformProblem(process.platform, release());
  if (problem !== undefined) throw new RunfcgidError('DAEMON_PLATFORM', problem);
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    throw new RunfcgidError('DAEMON_PLATFORM', `the library koffi does not load on ${process.arch}`, {
      cause,
      hint: 'Install runfcgid again on this machine, with optional dependencies (npm install --include=optional).',
    });
  }
  return koffi;
}

function systemCallError(label: string, number: number): SystemCallError {
  const name = Object.entries(constants.errno).find(([, value]) => value === number)?.[0];
  const strerror = loadKoffi().load(null).func('const char *strerror(int)');
  return new SystemCallError(label, name ?? `errno ${number}`, String(strerror(number)));
}
