/**
 * Exit statuses of both programs: sysexits(3) where it has a word for the case, and systemctl's 3 for
 * "not running" (LSB status codes).
 */
export const exitStatus = {
  ok: 0,
  failure: 1,
  notRunning: 3,
  usage: 64,
  unavailable: 69,
  internal: 70,
  cannotCreate: 73,
  timeout: 75,
  protocol: 76,
  permission: 77,
  configuration: 78,
} as const;

interface ErrorKind {
  readonly exitCode: number;
  readonly meaning: string;
}

/** Every error this project raises on purpose; docs/errors.md is bound to it by test/docs.test.ts. */
export const errorTable = {
  USAGE: { exitCode: exitStatus.usage, meaning: 'the command line has a mistake' },
  CONFIG_NOT_FOUND: { exitCode: exitStatus.configuration, meaning: 'there is no configuration to read' },
  CONFIG_UNREADABLE: {
    exitCode: exitStatus.configuration,
    meaning: 'a configuration file cannot be read or is not TOML',
  },
  CONFIG_INVALID: {
    exitCode: exitStatus.configuration,
    meaning: 'the configuration has problems; all are listed',
  },
  PLAN_UNKNOWN_POOL: { exitCode: exitStatus.usage, meaning: 'a command names a pool that is not configured' },
  LISTEN_IN_USE: { exitCode: exitStatus.unavailable, meaning: 'somebody else listens on the address' },
  LISTEN_FAILED: { exitCode: exitStatus.cannotCreate, meaning: 'the listen socket cannot be opened' },
  SPAWN_FAILED: { exitCode: exitStatus.cannotCreate, meaning: 'a worker process cannot be started' },
  DAEMON_RUNNING: { exitCode: exitStatus.cannotCreate, meaning: 'another daemon already runs here' },
  DAEMON_NOT_RUNNING: {
    exitCode: exitStatus.unavailable,
    meaning: 'no daemon answers on the control socket',
  },
  DAEMON_START_FAILED: { exitCode: exitStatus.failure, meaning: 'the daemon ended before it was ready' },
  DAEMON_FILE_FAILED: {
    exitCode: exitStatus.cannotCreate,
    meaning: 'a file or directory of the daemon cannot be made, or is not safe to use',
  },
  DAEMON_PLATFORM: {
    exitCode: exitStatus.unavailable,
    meaning: 'this operating system lacks what the daemon needs',
  },
  DAEMON_OUT_OF_FILES: {
    exitCode: exitStatus.unavailable,
    meaning: 'the daemon, or the system, may not have more open files',
  },
  CONTROL_DENIED: {
    exitCode: exitStatus.permission,
    meaning: 'the caller may not use the control socket or this command',
  },
  CONTROL_PROTOCOL: {
    exitCode: exitStatus.protocol,
    meaning: 'the other end of the control socket answered something unexpected',
  },
  CONTROL_TIMEOUT: { exitCode: exitStatus.timeout, meaning: 'the daemon did not answer in time' },
  FASTCGI_PROTOCOL: {
    exitCode: exitStatus.protocol,
    meaning: 'the program behind a socket does not speak FastCGI',
  },
  FASTCGI_TIMEOUT: { exitCode: exitStatus.timeout, meaning: 'a FastCGI program did not answer in time' },
  FASTCGI_UNREACHABLE: { exitCode: exitStatus.unavailable, meaning: 'nobody accepts on a FastCGI address' },
  KERNEL: { exitCode: exitStatus.internal, meaning: 'a system call failed unexpectedly' },
  INTERNAL: { exitCode: exitStatus.internal, meaning: 'a mistake in runfcgid itself' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorDetails {
  /** What to do now, as a whole sentence. */
  readonly hint?: string;
  /** The system's own error. */
  readonly cause?: unknown;
}

/** An error meant for the operator: `message` says what happened, `hint` what to do, `cause` what the system said. */
export class RunfcgidError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RunfcgidError';
    this.code = code;
    this.hint = details.hint;
    this.exitCode = errorTable[code].exitCode;
  }
}

/** The words of whatever was thrown, for a log line or a cause. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Of open files, by the name of the errno (open(2)). */
export const fileLimits: Readonly<Record<string, { readonly message: string; readonly hint: string }>> = {
  EMFILE: {
    message: 'runfcgid may not have more open files',
    hint: 'Raise LimitNOFILE in its unit, or "ulimit -n" where it is started, and start it anew; what it serves goes on.',
  },
  ENFILE: {
    message: 'the system may not have more open files',
    hint: 'Raise fs.file-max with sysctl(8), and see who has so many open.',
  },
};

/**
 * What an operator should hear when something failed because a limit of open files was reached, be it the cause of the
 * cause; `undefined` when it was something else.
 */
export function explainOutOfFiles(error: unknown): RunfcgidError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code, errno } = each as { code?: unknown; errno?: unknown };
    const limit = fileLimits[String(code)] ?? fileLimits[String(errno)];
    if (limit !== undefined) {
      return new RunfcgidError('DAEMON_OUT_OF_FILES', limit.message, { cause: error, hint: limit.hint });
    }
  }
  return undefined;
}
