import { signalProcess } from '../host/process-signal.ts';
import {
  confirmingProcessTable,
  forgetRecentTables,
  isAlive,
  type ProcessRow,
  type ProcessTable,
  readEnvironmentVariable,
  readProcessTable,
  recentProcessTable,
} from '../host/process-table.ts';
import type { TreeProcess } from './launcher.ts';

/** The environment variable that marks every process of a worker's tree. */
export const markerVariable = 'RUNFCGID_WORKER';

export interface TreeQuery {
  /** The worker itself, alive or not. It leads a session of its own. */
  readonly root: TreeProcess;
  /** Processes that an earlier look has found; their children belong to the tree although they may be gone. */
  readonly known: readonly TreeProcess[];
  /** The pid that orphans of the tree are adopted by: ours. */
  readonly adopter: number;
  readonly isMarked: (row: ProcessRow) => boolean;
}

/**
 * The members of a worker's tree in a process table, zombies included: the worker, those it is an ancestor of, those
 * of its session, orphans of it that were adopted and carry its mark, and the descendants of all these; the oldest
 * first. Pure.
 */
export function treeMembers(table: ProcessTable, query: TreeQuery): readonly ProcessRow[] {
  const roots = new Set(
    [query.root, ...query.known].filter((each) => !isReused(table, each)).map(({ pid }) => pid),
  );
  const isRoot = (row: ProcessRow): boolean =>
    roots.has(row.pid) ||
    isOfSession(table, row, query.root) ||
    (row.parent === query.adopter && query.isMarked(row));
  const children = byParent(table);
  const members = new Map<number, ProcessRow>();
  const waiting = [
    ...[...table.values()].filter((row) => row.pid !== query.adopter && isRoot(row)),
    ...[...roots].flatMap((pid) => children.get(pid) ?? []),
  ];
  for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
    if (members.has(row.pid)) continue;
    members.set(row.pid, row);
    for (const child of children.get(row.pid) ?? []) waiting.push(child);
  }
  return [...members.values()].sort((one, other) => one.startTime - other.startTime || one.pid - other.pid);
}

/** One worker's tree in the real process table. Remembers what it has seen, so that nobody slips out of it. */
export class ProcessTree {
  readonly #root: TreeProcess;
  readonly #marker: string;
  #known: readonly TreeProcess[] = [];
  /** Members that had ended, at the last look. */
  #dead: ReadonlySet<string> = new Set();
  /** Some of them had ended since the look before. */
  #isMoving = false;

  constructor(root: TreeProcess, marker: string) {
    this.#root = root;
    this.#marker = marker;
    forgetRecentTables();
  }

  /** Every process of the tree that is alive now, the oldest first. */
  alive(): readonly TreeProcess[] {
    // Nobody is believed to be gone because of a table that was read while the last one forked. That both are a moment
    // old does no harm: nobody joins a tree that is empty.
    let found = this.#living(recentProcessTable()) ?? this.#living(confirmingProcessTable());
    // Nor because all that a table shows have ended while it was read: on a busy machine that takes so long that a chain
    // of processes, each of which forks the next one and ends, is one further than the table.
    for (let look = 0; found === undefined && this.#isMoving && look < mostLooks; look += 1) {
      found = this.#living(readProcessTable());
    }
    return found ?? [];
  }

  /** Number of processes hit. */
  signal(signal: NodeJS.Signals): number {
    return this.alive().filter((each) => signalProcess(each, signal) === 'sent').length;
  }

  /** SIGKILL to the whole tree. Number of processes hit. */
  kill(): number {
    return killAll(() => this.#look(readProcessTable()));
  }

  #living(table: ProcessTable): readonly TreeProcess[] | undefined {
    return this.#look(table).some(isAlive) ? this.#known : undefined;
  }

  /** Those that have ended included. */
  #look(table: ProcessTable): readonly ProcessRow[] {
    forgetEnded(table);
    const members = treeMembers(table, {
      root: this.#root,
      known: this.#known,
      adopter: process.pid,
      isMarked: (row) => markerOf(row) === this.#marker,
    });
    const living = members.filter(isAlive);
    if (living.length > 0) this.#known = living.map(({ pid, startTime }) => ({ pid, startTime }));
    const dead = members.filter((row) => !isAlive(row)).map(nameOf);
    this.#isMoving = dead.some((name) => !this.#dead.has(name));
    this.#dead = new Set(dead);
    return members;
  }
}

/** By pid. A marker once seen stays true, also when the program overwrites its environment with a title. */
const seenMarkers = new Map<number, { readonly startTime: number; readonly marker: string }>();

function markerOf({ pid, startTime }: ProcessRow): string | undefined {
  const seen = seenMarkers.get(pid);
  if (seen?.startTime === startTime) return seen.marker;
  const marker = readEnvironmentVariable(pid, markerVariable);
  if (marker !== undefined) seenMarkers.set(pid, { startTime, marker });
  return marker;
}

/** Workers come and go for months: those that have ended are forgotten as soon as they are the greater part. */
function forgetEnded(table: ProcessTable): void {
  if (seenMarkers.size <= 2 * table.size) return;
  for (const pid of seenMarkers.keys()) if (!table.has(pid)) seenMarkers.delete(pid);
}

/** What can be met in a tree: zombies too. */
export type TreeMember = Pick<ProcessRow, 'pid' | 'startTime' | 'state' | 'threads'>;

/** For a fork bomb that wins the race. */
const mostLooks = 50;

/**
 * SIGKILL to every process that `look` finds, until a look finds nobody new. A process with a pending SIGKILL cannot
 * fork any more (fork(2) is interrupted), so each round meets fewer. One that has just ended counts as somebody new: it
 * may have forked while the table was read.
 *
 * @returns the number of processes hit.
 */
export function killAll(look: () => readonly TreeMember[], signal = signalProcess): number {
  const met = new Set<string>();
  let hits = 0;
  for (let round = 0; round < mostLooks; round += 1) {
    const fresh = look().filter((each) => !met.has(nameOf(each)));
    if (fresh.length === 0) break;
    for (const each of fresh) {
      met.add(nameOf(each));
      if (isAlive(each) && signal(each, 'SIGKILL') === 'sent') hits += 1;
    }
  }
  return hits;
}

/** A session belongs to the worker unless its number has meanwhile been given to another process. */
function isOfSession(table: ProcessTable, row: ProcessRow, root: TreeProcess): boolean {
  return row.session === root.pid && row.startTime >= root.startTime && !isReused(table, root);
}

function isReused(table: ProcessTable, { pid, startTime }: TreeProcess): boolean {
  const row = table.get(pid);
  return row !== undefined && row.startTime !== startTime;
}

function byParent(table: ProcessTable): ReadonlyMap<number, readonly ProcessRow[]> {
  const children = new Map<number, ProcessRow[]>();
  for (const row of table.values()) {
    const siblings = children.get(row.parent);
    if (siblings === undefined) children.set(row.parent, [row]);
    else siblings.push(row);
  }
  return children;
}

function nameOf({ pid, startTime }: TreeProcess): string {
  return `${pid}/${startTime}`;
}
