import { readEnvironmentVariable, readProcess } from '../host/process-table.ts';
import type { TreeProcess } from './launcher.ts';
import { markerVariable } from './process-tree.ts';

export interface Parentage {
  /** The process that says that it has forked another. */
  readonly parent: number | undefined;
  /** What the environment of its child carries. */
  readonly markers: readonly string[];
}

/**
 * A process as another names it that says to have forked it; `undefined` when that is not so. Whoever runs an
 * application's code may name any process, which then would be signaled with the rights of the daemon.
 */
export function readForked(pid: number, { parent, markers }: Parentage): TreeProcess | undefined {
  const row = readProcess(pid);
  // It has ended, and was waited for: it can be told from all others, also those of a session with its number.
  if (row === undefined) return { pid, startTime: Number.POSITIVE_INFINITY };
  const isForked = row.parent === parent || (row.parent === process.pid && isMarked(pid, markers));
  return isForked ? { pid, startTime: row.startTime } : undefined;
}

/** Of those that were adopted by us, whose parent has ended since it said so. */
function isMarked(pid: number, markers: readonly string[]): boolean {
  return markers.includes(readEnvironmentVariable(pid, markerVariable) ?? '');
}
