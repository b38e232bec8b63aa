import type { PoolVerb } from '../pools/commands.ts';
import { findDaemon, isNotRunning } from './control-socket.ts';
import { reportOutcomes } from './outcomes.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

/**
 * Starts or restarts pools, all when none is named, and starts the daemon first where none answers. Returns the
 * exit status.
 */
export async function runOnDaemon(
  verb: Extract<PoolVerb, 'start' | 'restart'>,
  names: readonly string[],
  request: CtlRequest,
): Promise<number> {
  const pools = names.length === 0 ? 'all' : names;
  const onProgress = request.terminal.progress.bind(request.terminal);
  const client = await findDaemon(request, request.timeoutMs ?? defaultWorkTimeoutMs);
  try {
    return reportOutcomes(await client.run(verb, pools, onProgress), request);
  } catch (error) {
    if (!isNotRunning(error) || request.socketPath !== undefined) throw error;
  }
  const { launchDaemon } = await import('./launch-daemon.ts');
  await launchDaemon(client, pools, request);
  return reportOutcomes(await client.run('start', pools, onProgress), request);
}
