import { signalProcess } from '../host/process-signal.ts';
import { isAlive, readEnvironmentVariable, readProcessTable } from '../host/process-table.ts';
import { markerVariable } from './process-tree.ts';

export interface StraySearch {
  /** What their environment carries. */
  readonly markers: ReadonlySet<string>;
  /** Processes that carry one rightly. */
  readonly known: ReadonlySet<number>;
}

/** SIGKILL to adopted processes that carry one of the markers and that nobody knows. Number of processes hit. */
export function killStrays({ markers, known }: StraySearch): number {
  const strays = [...readProcessTable().values()].filter((row) => {
    if (row.parent !== process.pid || known.has(row.pid) || !isAlive(row)) return false;
    return markers.has(readEnvironmentVariable(row.pid, markerVariable) ?? '');
  });
  return strays.filter((stray) => signalProcess(stray, 'SIGKILL') === 'sent').length;
}
