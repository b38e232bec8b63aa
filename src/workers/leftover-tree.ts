import { isAlive, type ProcessRow, type ProcessTable } from '../host/process-table.ts';
import type { TreeProcess } from './launcher.ts';
import type { Freshness, Seen, Sight } from './leftover-sight.ts';
import { treeMembers } from './process-tree.ts';
import type { LedgerEntry } from './worker-ledger.ts';

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

  /** What `alive` was told by. */
  get seen(): Seen {
    return this.#sight.take('recent');
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
