import type { Clock } from '../host/clock.ts';
import {
  isAlive,
  type ProcessRow,
  type ProcessTable,
  readEnvironmentVariable,
  readProcessTable,
} from '../host/process-table.ts';
import type { TreeProcess } from './launcher.ts';
import { markerVariable, treeMembers } from './process-tree.ts';
import type { LedgerEntry } from './worker-ledger.ts';

const recentMs = 25;

/** What is to be seen in /proc: read once for all trees that look at the same time. */
export class Sight {
  readonly #clock: Clock;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  #seen: Seen = { table: new Map(), marked: new Map() };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(freshness: Freshness): Seen {
    const nowMs = this.#clock.now();
    if (freshness === 'fresh' || nowMs - this.#takenAtMs > recentMs) {
      this.#takenAtMs = nowMs;
      this.#seen = lookAround();
    }
    return this.#seen;
  }
}

function lookAround(): Seen {
  const table = readProcessTable();
  const marked = new Map<string, ProcessRow[]>();
  for (const row of table.values()) {
    const marker = row.pid === process.pid ? undefined : readEnvironmentVariable(row.pid, markerVariable);
    if (marker !== undefined) marked.set(marker, [...(marked.get(marker) ?? []), row]);
  }
  return { table, marked };
}

interface Seen {
  readonly table: ProcessTable;
  readonly marked: ReadonlyMap<string, readonly ProcessRow[]>;
}

export type Freshness = 'fresh' | 'recent';

/** The tree of a worker whose daemon is gone: its orphans were adopted by init or by whoever is nearest. */
export class LeftoverTree {
  readonly entry: LedgerEntry;
  readonly #sight: Sight;
  #known: readonly TreeProcess[] = [];

  constructor(entry: LedgerEntry, sight: Sight) {
    this.entry = entry;
    this.#sight = sight;
  }

  alive(freshness: Freshness = 'recent'): readonly ProcessRow[] {
    return this.members(freshness).filter(isAlive);
  }

  /** Those that have ended included. */
  members(freshness: Freshness): readonly ProcessRow[] {
    const { table, marked } = this.#sight.take(freshness);
    const ours = marked.get(this.entry.marker) ?? [];
    const members = treeMembers(table, {
      root: this.#provenRoot(table, ours),
      known: [...this.#known, ...ours],
      adopter: process.pid,
      isMarked: () => false,
    }).filter(({ pid }) => pid !== process.pid);
    this.#known = members.filter(isAlive);
    return members;
  }

  /** Without a proof that it is the worker, a pid of the ledger stands for nobody and for no session. */
  #provenRoot(table: ProcessTable, ours: readonly ProcessRow[]): TreeProcess {
    const { pid, startTime } = this.entry;
    const row = table.get(pid);
    const isProven = row?.startTime === startTime && row.session === pid && ours.includes(row);
    return isProven ? { pid, startTime } : nobody;
  }
}

const nobody: TreeProcess = { pid: -1, startTime: 0 };
