import { suggestion } from '../config/suggestion.ts';
import { exitStatus, RunfcgidError } from '../errors.ts';
import { formatStatus } from '../status/format.ts';
import type { PoolSnapshot, StatusSnapshot } from '../status/snapshot.ts';
import { findDaemon } from './control-socket.ts';
import { isNotRunning } from './pool-verb.ts';
import { type CtlRequest, defaultStatusTimeoutMs } from './request.ts';

/** `fcgictl status [POOL…]`: exit status 0 when every pool asked for is running, 3 when one is not. */
export async function status(names: readonly string[], request: CtlRequest): Promise<number> {
  const { terminal, isJson } = request;
  const client = await findDaemon(request, request.timeoutMs ?? defaultStatusTimeoutMs);
  let snapshot: StatusSnapshot;
  try {
    snapshot = await client.status();
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    terminal.print(isJson ? JSON.stringify({ daemon: null, pools: [] }) : 'runfcgid is not running');
    return exitStatus.notRunning;
  }
  const pools = choosePools(names, snapshot.pools);
  const chosen = { ...snapshot, pools };
  terminal.print(isJson ? JSON.stringify(chosen) : formatStatus(chosen, terminal));
  return pools.every(({ state }) => state === 'running') ? exitStatus.ok : exitStatus.notRunning;
}

/**
 * The named pools in the order of the daemon; all when none is named.
 *
 * @throws RunfcgidError PLAN_UNKNOWN_POOL
 */
export function choosePools(
  names: readonly string[],
  pools: readonly PoolSnapshot[],
): readonly PoolSnapshot[] {
  if (names.length === 0) return pools;
  const known = pools.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const meant = suggestion(unknown, known);
    throw new RunfcgidError('PLAN_UNKNOWN_POOL', `there is no pool "${unknown}"`, {
      hint: meant === undefined ? `Known pools: ${known.join(', ') || 'none'}.` : `Did you mean "${meant}"?`,
    });
  }
  return pools.filter(({ name }) => names.includes(name));
}
