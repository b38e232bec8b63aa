import { readProcess } from '../host/process-table.ts';
import type { Launcher, LaunchRequest, TreeProcess, WorkerProcess } from './launcher.ts';
import { poolOf } from './marker.ts';
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
    let recorded: TreeProcess | undefined;
    this.#ledger.begin();
    const worker = this.#launcher.launch({
      ...request,
      onSpawned: (pid) => {
        recorded = this.#record(pid, request.marker);
        request.onSpawned(pid);
      },
    });
    return {
      get pid() {
        return worker.pid;
      },
      scoreboard: worker.scoreboard,
      signal: (signal) => worker.signal(signal),
      tree: () => {
        const tree = worker.tree();
        if (tree.length === 0 && recorded !== undefined) this.#ledger.remove(recorded);
        return tree;
      },
      signalTree: (signal) => worker.signalTree(signal),
      killTree: () => worker.killTree(),
    };
  }

  #record(pid: number, marker: string): TreeProcess | undefined {
    const row = readProcess(pid);
    if (row === undefined) return undefined;
    const { startTime } = row;
    this.#ledger.add({ pid, startTime, pool: poolOf(marker), marker });
    return { pid, startTime };
  }
}
