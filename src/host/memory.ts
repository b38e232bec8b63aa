import { readFileSync } from 'node:fs';
import { openWithSpare } from './spare-descriptors.ts';

/**
 * `rss`: resident memory, in which pages that processes share are counted once for each of them. `pss`: each takes its
 * part of what it shares; the kernel has to walk all its pages for that.
 */
export type MemoryMeasure = 'rss' | 'pss';

const sources = {
  // proc_pid_status(5)
  rss: { file: 'status', line: /^VmRSS:\s+(?<kilobytes>\d+) kB$/m },
  // proc_pid_smaps_rollup(5), for those who may trace the process (ptrace(2))
  pss: { file: 'smaps_rollup', line: /^Pss:\s+(?<kilobytes>\d+) kB$/m },
} as const satisfies Record<MemoryMeasure, { file: string; line: RegExp }>;

/** Memory of a process in bytes; `undefined` when it is gone, or cannot be looked into. */
export function readMemory(pid: number, measure: MemoryMeasure): number | undefined {
  const { file, line } = sources[measure];
  try {
    const text = openWithSpare(() => readFileSync(`/proc/${pid}/${file}`, 'latin1'));
    const kilobytes = line.exec(text)?.groups?.['kilobytes'];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
