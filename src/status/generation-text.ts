import { formatBytes } from './quantities.ts';
import type { GenerationPhaseName, GenerationSnapshot } from './snapshot.ts';

/** "generation 3 proving: 1 of 2 workers ready", "generation 2 draining: 1 connection". */
export function describeGeneration(generation: GenerationSnapshot): string {
  return `generation ${generation.number} ${generation.phase}: ${details[generation.phase](generation)}`;
}

/** What loading the application has left in doubt. */
export function describeWarnings({ forkServer }: GenerationSnapshot): readonly string[] {
  return (forkServer?.warnings ?? []).map((warning) => `warning: ${warning}`);
}

/** "workers are forked from pid 17 (44 MB)"; nothing where each worker loads the application itself. */
export function describeForkServer({ forkServer }: GenerationSnapshot): readonly string[] {
  if (forkServer === null) return [];
  const { pid, isLost, memoryBytes } = forkServer;
  if (isLost) return ['the fork server has ended; a new generation follows when one of the workers ends'];
  if (pid === null) return [];
  const memory = memoryBytes === null ? '' : ` (${formatBytes(memoryBytes)})`;
  return [`the workers are forked from pid ${pid}${memory}`];
}

const details: Readonly<Record<GenerationPhaseName, (generation: GenerationSnapshot) => string>> = {
  proving: readiness,
  live: readiness,
  draining: inHand,
  yielding: (generation) => `${counted(generation.workers, 'worker')} left, ${inHand(generation)}`,
  stopping: processesLeft,
  refused: processesLeft,
  gone: processesLeft,
};

function readiness({ ready, workers }: GenerationSnapshot): string {
  return `${ready} of ${counted(workers, 'worker')} ready`;
}

function inHand({ connections }: GenerationSnapshot): string {
  return connections === null ? 'connections unknown' : counted(connections, 'connection');
}

function processesLeft({ workers }: GenerationSnapshot): string {
  return `${counted(workers, 'worker')} left`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
