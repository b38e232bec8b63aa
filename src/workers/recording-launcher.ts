import { readProcess } from '../host/process-table.ts';
import type { Launcher, LaunchRequest, WorkerProcess } from './launcher.ts';
import type { WorkerLedger } from './worker-ledger.ts';

/** A launcher that keeps the ledger: a worker is in it from its spawn until its tree was seen to be gone. */
export class RecordingLauncher implements Launcher {
  readonly #launcher: Launcher;
  readonly #ledger: WorkerLedger;

  constructor(launcher: Launcher, ledger: WorkerLedger) {
    this.#launcher = launcher;
    this.#ledger = ledger;
  }

  launch(request: LaunchRequest): WorkerProcess {
    const worker = this.#launcher.launch(request);
    const row = worker.pid === undefined ? undefined : readProcess(worker.pid);
    if (row === undefined) return worker;
    const { pid, startTime } = row;
    this.#ledger.add({ pid, startTime, pool: poolOf(request.marker), marker: request.marker });
    return {
      pid,
      scoreboard: worker.scoreboard,
      signal: (signal) => worker.signal(signal),
      tree: () => {
        const tree = worker.tree();
        if (tree.length === 0) this.#ledger.remove({ pid, startTime });
        return tree;
      },
      signalTree: (signal) => worker.signalTree(signal),
      killTree: () => worker.killTree(),
    };
  }
}

/** Markers begin with `pool/1:`. */
function poolOf(marker: string): string {
  return marker.slice(0, marker.lastIndexOf('/'));
}
