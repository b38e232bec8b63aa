import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { openWithSpare } from './spare-descriptors.ts';

/** A process as the kernel sees it at one moment. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Clock ticks after boot; with the pid it names a process for good. */
  readonly startTime: number;
  /** One letter, proc_pid_stat(5), field 3: R, S, D, T, Z … */
  readonly state: string;
  readonly threads: number;
}

export type ProcessTable = ReadonlyMap<number, ProcessRow>;

/** Every process of our pid namespace. Processes that end during the reading are left out. */
export function readProcessTable(): ProcessTable {
  const table = new Map<number, ProcessRow>();
  for (const name of openWithSpare(() => readdirSync('/proc'))) {
    if (!isPid(name)) continue;
    const row = readProcess(Number(name));
    if (row !== undefined) table.set(row.pid, row);
  }
  return table;
}

let recent: ProcessTable | undefined;
let confirming: ProcessTable | undefined;

/**
 * Like `readProcessTable`, read once for all who ask in the same turn of the event loop. A reading costs some 25 µs
 * for each process of the machine.
 */
export function recentProcessTable(): ProcessTable {
  if (recent === undefined) {
    recent = readProcessTable();
    setImmediate(forgetRecentTables);
  }
  return recent;
}

/**
 * A second reading, begun after that of `recentProcessTable` was over, for those who found somebody gone: a process
 * whose parent ended while the table was read may be missing in one.
 */
export function confirmingProcessTable(): ProcessTable {
  recentProcessTable();
  confirming ??= readProcessTable();
  return confirming;
}

/** To be called when a process was started that the next who asks has to see. */
export function forgetRecentTables(): void {
  recent = undefined;
  confirming = undefined;
}

/** One process, or `undefined` when there is none with this pid. */
export function readProcess(pid: number): ProcessRow | undefined {
  const text = readProcFile(pid, 'stat');
  return text === undefined ? undefined : parseStat(text);
}

/** No later field of proc_pid_stat(5) is of interest. */
const lastField = 22;

/**
 * Parses a line of proc_pid_stat(5). The program's name may hold spaces, parentheses and line ends, therefore the
 * fields are counted from the last closing parenthesis.
 */
export function parseStat(text: string): ProcessRow | undefined {
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ', lastField - 2);
  const field = (number: number): number => Number(fields[number - 3]);
  const state = fields[0];
  const row = {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    session: field(6),
    threads: field(20),
    startTime: field(22),
  };
  if (nameEnd < 0 || state === undefined || Object.values(row).some(Number.isNaN)) return undefined;
  return { ...row, state };
}

/**
 * False for a process that has ended and waits to be reaped. A process whose first thread has ended shows state Z
 * too while other threads work on.
 */
export function isAlive(row: Pick<ProcessRow, 'state' | 'threads'>): boolean {
  return (row.state !== 'Z' && row.state !== 'X') || row.threads > 1;
}

/**
 * A variable of the environment that the process was started with (proc_pid_environ(5)), or `undefined` when it has
 * none, has overwritten that memory (programs that set their title do), or may not be looked at.
 */
export function readEnvironmentVariable(pid: number, name: string): string | undefined {
  return variableIn(readProcFile(pid, 'environ'), name);
}

/** The value of a variable in the text of proc_pid_environ(5). */
export function variableIn(environment: string | undefined, name: string): string | undefined {
  const entry = environment?.split('\0').find((each) => each.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}

/** False for a thread of the kernel, and for a process that has ended: those have no environment either. */
export function runsProgram(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) !== '';
  } catch {
    return false;
  }
}

/** A file of a process in /proc; `undefined` when the process is gone, or somebody else's. */
export function readProcFile(pid: number, name: string): string | undefined {
  try {
    return openWithSpare(() => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    // Gone, or somebody else's. Anything else, such as EMFILE, does not mean that the process is no more.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}

function isPid(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 0x30 && first <= 0x39;
}
