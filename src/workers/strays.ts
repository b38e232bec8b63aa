import { readEnvironmentVariable, readProcessTable } from '../host/process-table.ts';
import type { TreeProcess } from './launcher.ts';
import { killAll, markerVariable, treeMembers } from './process-tree.ts';

export interface StraySearch {
  /** It has ended; what it started was adopted by us, or is a descendant of such. */
  readonly parent: TreeProcess;
  /** What their environment carries. */
  readonly markers: ReadonlySet<string>;
  /** Processes that it rightly leaves, with their descendants: each leads a session of its own. */
  readonly known: ReadonlySet<number>;
}

/** SIGKILL to all that a process has left that nobody knows. Number of processes hit. */
export function killStrays({ parent, markers, known }: StraySearch): number {
  const query = { root: parent, known: [], adopter: process.pid } as const;
  return killAll(() =>
    treeMembers(readProcessTable(), {
      ...query,
      isMarked: ({ pid }) =>
        !known.has(pid) && markers.has(readEnvironmentVariable(pid, markerVariable) ?? ''),
    }),
  );
}
