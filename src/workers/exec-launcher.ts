import { RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import { signalProcess } from '../host/process-signal.ts';
import type { Launcher, LaunchRequest, TreeProcess, WorkerProcess } from './launcher.ts';
import { noProcess } from './no-process.ts';
import { endOrMoment } from './output.ts';
import { ProcessTree } from './process-tree.ts';
import { startProgram } from './started-program.ts';
import { engineDescriptors, WorkerStdio } from './worker-stdio.ts';

/**
 * Runs a plan's command as a process of its own, with the listen socket as fd 0, both outputs read line by line and,
 * where it is the engine, its channel, scoreboard and tracebacks.
 */
export class ExecLauncher implements Launcher {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  launch(request: LaunchRequest): WorkerProcess {
    try {
      const stdio = new WorkerStdio(request.plan);
      const process = this.#start(request, stdio);
      stdio.closeWorkerEnds();
      if (process === noProcess) stdio.scoreboard?.close();
      return process;
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      queueMicrotask(() => request.onSpawnFailed(error));
      return noProcess;
    }
  }

  #start(request: LaunchRequest, stdio: WorkerStdio): WorkerProcess {
    const { plan, marker, listenFd, onSpawned, onSpawnFailed, onExit } = request;
    let outputEnd: Promise<void> = Promise.resolve();
    const root = startProgram({
      plan,
      marker,
      descriptors: [listenFd, ...stdio.workerEnds],
      variables: plan.engine === undefined ? {} : engineDescriptors,
      onSpawned,
      onSpawnFailed,
      onExit: (exit) => void endOrMoment(outputEnd, this.#clock).then(() => onExit(exit)),
    });
    if (root === undefined) return noProcess;
    outputEnd = stdio.read(this.#clock, request);
    return attend(root, new ProcessTree(root, marker), stdio);
  }
}

function attend(root: TreeProcess, tree: ProcessTree, { scoreboard }: WorkerStdio): WorkerProcess {
  return {
    pid: root.pid,
    scoreboard,
    signal: (signal) => signalProcess(root, signal) !== 'gone',
    tree: () => tree.alive(),
    signalTree: (signal) => tree.signal(signal),
    killTree: () => tree.kill(),
  };
}
