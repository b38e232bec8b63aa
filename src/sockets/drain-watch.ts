import type { Clock, Timer } from '../host/clock.ts';
import { readTables } from '../host/socket-tables.ts';
import { ConnectionReader } from './connection-reader.ts';
import {
  afterReading,
  type DrainReading,
  delayUntilNext,
  drainBegins,
  type NewLead,
  readingOf,
} from './drain.ts';
import type { ListenSocket } from './endpoint.ts';
import { HalfOpenHandshakes } from './half-open.ts';
import { countAccepted, readOccupancy } from './occupancy.ts';

export interface DrainOptions {
  /** No longer published: to be called right after the switch. */
  readonly sockets: readonly ListenSocket[];
  readonly lead: NewLead;
  /** The processes that were started: while they are seen busy, nobody looks for their descendants. */
  readonly ownPids: () => readonly number[];
  /** Every process that may hold connections of these sockets. Asking costs a look through all processes. */
  readonly pids: () => readonly number[];
  /** Called once, when nothing is queued, accepted or under way any more. */
  readonly onDrained: () => void;
  readonly clock: Clock;
}

export interface DrainWatch {
  cancel(): void;
  /** What is still in hand, for the operator. Looks anew. */
  look(): DrainProgress;
}

export interface DrainProgress {
  /** Connections accepted and not closed, as far as they can be seen. */
  readonly accepted: number;
  /** Connections waiting to be accepted, at least. */
  readonly queued: number;
  /** Processes that we may not look into. */
  readonly unknown: readonly number[];
}

/** Looks at the connections of sockets that get no new ones, until there are none. Gives up only when cancelled. */
export function watchDrain({ sockets, lead, ownPids, pids, onDrained, clock }: DrainOptions): DrainWatch {
  const reader = new ConnectionReader();
  const watched = sockets.map((socket) => ({ socket, pids }));
  const ownOnly = sockets.map((socket) => ({ socket, pids: ownPids }));
  const halfOpen = new HalfOpenHandshakes(sockets, readTables(), clock.now());
  let state = drainBegins;
  let delayMs: number | undefined;
  let timer: Timer | undefined;

  const read = (): DrainReading => {
    const tables = readTables();
    const isBusy = readingOf(readOccupancy(ownOnly, reader, tables), 0) === 'busy';
    if (isBusy) return 'busy';
    return readingOf(readOccupancy(watched, reader, tables), halfOpen.remaining(tables, clock.now()));
  };
  const schedule = (): void => {
    delayMs = delayUntilNext(state, delayMs, clock.now());
    timer = clock.at(clock.now() + delayMs, step);
  };
  const step = (): void => {
    state = afterReading(state, readOrUnknown(read), clock.now(), lead);
    if (state.phase === 'drained') onDrained();
    else schedule();
  };
  schedule();

  return {
    cancel: () => timer?.cancel(),
    look: () => {
      const occupancies = readOccupancy(watched, reader, readTables());
      return {
        accepted: occupancies.reduce((sum, occupancy) => sum + countAccepted(occupancy), 0),
        queued: occupancies.reduce((sum, { queued, hasQueued }) => sum + (queued ?? Number(hasQueued)), 0),
        unknown: [...new Set(occupancies.flatMap(({ unknown }) => unknown))],
      };
    },
  };
}

/** Out of descriptors, say: nothing can be told now, and the next look may. */
function readOrUnknown(read: () => DrainReading): DrainReading {
  try {
    return read();
  } catch {
    return 'unknown';
  }
}
