import type { ControlClient } from '../control/client.ts';
import type { OnProgress, PoolOutcome, PoolSelection } from '../pools/commands.ts';
import { findDaemon, isNotRunning } from './control-socket.ts';
import { reportOutcomes } from './outcomes.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

export type StartingVerb = 'start' | 'restart' | 'hard restart';

/**
 * Starts or restarts pools, all when none is named, and starts the daemon first where none answers. Returns the
 * exit status.
 */
export async function runOnDaemon(
  verb: StartingVerb,
  names: readonly string[],
  request: CtlRequest,
): Promise<number> {
  const pools = names.length === 0 ? 'all' : names;
  const onProgress = request.terminal.progress.bind(request.terminal);
  const client = await findDaemon(request, request.timeoutMs ?? defaultWorkTimeoutMs);
  try {
    return reportOutcomes(await carryOut(verb, client, pools, onProgress), request);
  } catch (error) {
    if (!isNotRunning(error) || request.socketPath !== undefined) throw error;
  }
  const { launchDaemon } = await import('./launch-daemon.ts');
  await launchDaemon(client, pools, request);
  return reportOutcomes(await client.run('start', pools, onProgress), request);
}

function carryOut(
  verb: StartingVerb,
  client: ControlClient,
  pools: PoolSelection,
  onProgress: OnProgress,
): Promise<readonly PoolOutcome[]> {
  return verb === 'hard restart'
    ? client.restartHard(pools, onProgress)
    : client.run(verb, pools, onProgress);
}
