import type { Commands, OnProgress, PoolOutcome, PoolSelection, StopVerb } from '../pools/commands.ts';

/**
 * Stops pools and starts them again, each as soon as it has stopped: the slowest keeps no other pool down. The
 * daemon does it by itself, so that a client which goes away half-way leaves no pool stopped.
 */
export async function restartHard(
  commands: Commands,
  pools: PoolSelection,
  stopBy: StopVerb,
  onProgress: OnProgress,
): Promise<readonly PoolOutcome[]> {
  const known = (await commands.status()).pools.map(({ name }) => name);
  const names = pools === 'all' ? known : pools;
  // Raises what belongs to an unknown name, before anything has stopped.
  if (!names.every((name) => known.includes(name))) return commands.run(stopBy, names, onProgress);
  const outcomes = await Promise.all(names.map((name) => restartOne(commands, name, stopBy, onProgress)));
  return outcomes.flat();
}

async function restartOne(
  commands: Commands,
  name: string,
  stopBy: StopVerb,
  onProgress: OnProgress,
): Promise<readonly PoolOutcome[]> {
  const stopped = await commands.run(stopBy, [name], onProgress);
  if (!stopped.every(({ isDone }) => isDone)) return stopped;
  return commands.run('start', [name], onProgress);
}
