import type { ControlClient } from '../control/client.ts';
import type { OnProgress, PoolOutcome, PoolSelection } from '../pools/commands.ts';
import { findDaemon, isNotRunning } from './control-socket.ts';
import { reportOutcomes } from './outcomes.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

/** Asks a daemon that runs to start or restart these pools. */
export type Ask = (
  client: ControlClient,
  pools: PoolSelection,
  onProgress: OnProgress,
) => Promise<readonly PoolOutcome[]>;

export const askToStart: Ask = (client, pools, onProgress) => client.run('start', pools, onProgress);

/**
 * Starts or restarts pools, all when none is named, and starts the daemon first where none answers. Returns the
 * exit status.
 */
export async function runOnDaemon(ask: Ask, names: readonly string[], request: CtlRequest): Promise<number> {
  const pools = names.length === 0 ? 'all' : names;
  const onProgress = request.terminal.progress.bind(request.terminal);
  const client = await findDaemon(request, request.timeoutMs ?? defaultWorkTimeoutMs);
  try {
    return reportOutcomes(await ask(client, pools, onProgress), request);
  } catch (error) {
    if (!isNotRunning(error) || request.socketPath !== undefined) throw error;
  }
  const { launchDaemon } = await import('./launch-daemon.ts');
  await launchDaemon(client, pools, request);
  return reportOutcomes(await askToStart(client, pools, onProgress), request);
}
