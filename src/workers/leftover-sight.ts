import type { Clock } from '../host/clock.ts';
import {
  isAlive,
  type ProcessRow,
  type ProcessTable,
  readProcessTable,
  readProcFile,
  runsProgram,
  variableIn,
} from '../host/process-table.ts';
import { markerVariable } from './process-tree.ts';

export type Freshness = 'fresh' | 'recent';

export interface Seen {
  readonly table: ProcessTable;
  readonly marked: ReadonlyMap<string, readonly ProcessRow[]>;
  /** Some process may be marked that is in `marked` not yet: it is in the middle of execve(2). */
  readonly isUndecided: boolean;
}

const recentMs = 25;
/** A process that shows no environment for so long has none. On a busy machine execve(2) takes its time. */
const blankPatienceMs = 500;

/** What is to be seen in /proc: read once for all trees that look at the same time. */
export class Sight {
  readonly #clock: Clock;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  #seen: Seen = { table: new Map(), marked: new Map(), isUndecided: true };
  /** Processes without an environment, and since when. */
  #blank: ReadonlyMap<string, number> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(freshness: Freshness): Seen {
    const nowMs = this.#clock.now();
    if (freshness === 'fresh' || nowMs - this.#takenAtMs > recentMs) {
      this.#takenAtMs = nowMs;
      this.#seen = this.#lookAround(nowMs);
    }
    return this.#seen;
  }

  #lookAround(nowMs: number): Seen {
    const table = readProcessTable();
    const marked = new Map<string, ProcessRow[]>();
    const blank = new Map<string, number>();
    for (const row of table.values()) {
      if (row.pid === process.pid) continue;
      const environment = readProcFile(row.pid, 'environ');
      const marker = variableIn(environment, markerVariable);
      if (marker !== undefined) marked.set(marker, [...(marked.get(marker) ?? []), row]);
      else if (environment === '' && isAlive(row) && runsProgram(row.pid)) {
        const name = `${row.pid}/${row.startTime}`;
        blank.set(name, this.#blank.get(name) ?? nowMs);
      }
    }
    this.#blank = blank;
    const isUndecided = [...blank.values()].some((sinceMs) => nowMs - sinceMs < blankPatienceMs);
    return { table, marked, isUndecided };
  }
}
