import type { Clock } from '../host/clock.ts';
import type { WorkerPlan } from '../plan/plan.ts';
import { readChannel } from './engine-channel.ts';
import type { EngineMessage } from './launcher.ts';
import { showLine } from './lines.ts';
import { longestLogLine, readLines } from './output.ts';
import { OutputPipe } from './output-pipe.ts';
import { ScoreboardFile } from './scoreboard-file.ts';

export interface StdioEvents {
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
  readonly onMessage: (message: EngineMessage) => void;
  readonly onTrace: (line: string) => void;
}

/** What tells a worker of the engine the numbers of its descriptors. */
export const engineDescriptors = {
  RUNFCGID_CHANNEL: '3',
  RUNFCGID_SCOREBOARD: '4',
  RUNFCGID_TRACES: '5',
} as const;

interface EngineEnds {
  /** Messages of the engine, one a line. */
  readonly channel: OutputPipe;
  readonly scoreboard: ScoreboardFile;
  /** Tracebacks that the engine writes when it is asked for them by a signal. */
  readonly traces: OutputPipe;
}

/** What a worker gets beside its listen socket, and our ends of it. */
export class WorkerStdio {
  readonly #stdout: OutputPipe;
  readonly #stderr: OutputPipe;
  readonly #engine: EngineEnds | undefined;
  readonly #pipes: OutputPipe[] = [];
  #areWorkerEndsOpen = true;

  /** @throws RunfcgidError KERNEL when no descriptor is left; then none of them stays open. */
  constructor({ identity, engine }: Pick<WorkerPlan, 'identity' | 'engine'>) {
    const open = (): OutputPipe => {
      const pipe = new OutputPipe(identity);
      this.#pipes.push(pipe);
      return pipe;
    };
    try {
      this.#stdout = open();
      this.#stderr = open();
      this.#engine = engine && {
        channel: open(),
        traces: open(),
        scoreboard: new ScoreboardFile(engine.threads),
      };
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** For the worker, in the order of its descriptors, from 1 on. */
  get workerEnds(): readonly number[] {
    const standard = [this.#stdout.writeEnd, this.#stderr.writeEnd];
    if (this.#engine === undefined) return standard;
    const { channel, scoreboard, traces } = this.#engine;
    return [...standard, channel.writeEnd, scoreboard.fd, traces.writeEnd];
  }

  /** Only of the engine. To be closed when the worker has ended. */
  get scoreboard(): ScoreboardFile | undefined {
    return this.#engine?.scoreboard;
  }

  /** The worker has its copies, or there will be no worker: what is read now ends with the last of the others. */
  closeWorkerEnds(): void {
    if (this.#areWorkerEndsOpen) for (const pipe of this.#pipes) pipe.closeWriteEnd();
    this.#areWorkerEndsOpen = false;
  }

  /** There will be no worker, and nothing is read. */
  discard(): void {
    this.closeWorkerEnds();
    for (const { stream } of this.#pipes) stream.destroy();
    this.scoreboard?.close();
  }

  /** Resolves when everything is read. Descendants that outlive the worker are read on. */
  async read(clock: Clock, { onLine, onMessage, onTrace }: StdioEvents): Promise<void> {
    const read = ({ stream }: OutputPipe, tell: (line: string) => void): Promise<void> =>
      readLines({ stream, longest: longestLogLine, clock, onLine: (line) => tell(showLine(line)) });
    const channel = this.#engine?.channel.stream;
    await Promise.all([
      read(this.#stdout, (line) => onLine('stdout', line)),
      read(this.#stderr, (line) => onLine('stderr', line)),
      channel &&
        readChannel({ stream: channel, clock, onMessage, onProblem: (problem) => onLine('stderr', problem) }),
      this.#engine && read(this.#engine.traces, onTrace),
    ]);
  }
}
