import type { WorkerProcess } from './launcher.ts';

/** What a launcher returns when there is no process and will be none. */
export const noProcess: WorkerProcess = {
  pid: undefined,
  scoreboard: undefined,
  signal: () => false,
  tree: () => [],
  signalTree: () => 0,
  killTree: () => 0,
};
