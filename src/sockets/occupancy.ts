import type { SocketTables } from '../host/socket-tables.ts';
import { acceptedFrom } from './connection-name.ts';
import type { ConnectionReader } from './connection-reader.ts';
import type { ListenSocket } from './endpoint.ts';

/** A listen socket and the processes whose connections are of interest. */
export interface WatchedSocket {
  readonly socket: ListenSocket;
  /** Workers with all their descendants. Asked after the queue was looked at. */
  readonly pids: () => readonly number[];
}

/** The connections of a listen socket at one moment. */
export interface Occupancy {
  /** A connection waits to be accepted. */
  readonly hasQueued: boolean;
  /** How many wait; `undefined` where the kernel does not tell. */
  readonly queued: number | undefined;
  /** Number of connections accepted and not closed, for each process that could be read. */
  readonly accepted: ReadonlyMap<number, number>;
  /** Processes that may hold connections we cannot see: never to be taken for idle. */
  readonly unknown: readonly number[];
}

/**
 * Queued and accepted connections, in the order of `watched`. The queues are looked at before the processes: a
 * connection that is accepted in between is seen twice rather than not at all.
 */
export function readOccupancy(
  watched: readonly WatchedSocket[],
  reader: ConnectionReader,
  tables: SocketTables,
): readonly Occupancy[] {
  const queues = watched.map(({ socket }) => ({ hasQueued: socket.hasQueued(), queued: socket.queued() }));
  const pids = watched.map((each) => each.pids());
  const held = reader.read([...new Set(pids.flat())], tables);
  return watched.map(({ socket }, index) => {
    const isOurs = acceptedFrom(socket.boundTo);
    const accepted = new Map<number, number>();
    const unknown: number[] = [];
    for (const pid of pids[index] ?? []) {
      const connections = held.get(pid) ?? 'unknown';
      if (connections === 'unknown') unknown.push(pid);
      else accepted.set(pid, connections.filter(isOurs).length);
    }
    const { hasQueued, queued } = queues[index] ?? { hasQueued: false, queued: undefined };
    return { hasQueued, queued, accepted, unknown };
  });
}

/** Number of accepted connections that were seen. */
export function countAccepted({ accepted }: Occupancy): number {
  return [...accepted.values()].reduce((sum, count) => sum + count, 0);
}
