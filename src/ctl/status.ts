import { exitStatus } from '../errors.ts';
import { formatStatus } from '../status/format.ts';
import type { StatusSnapshot } from '../status/snapshot.ts';
import { choosePools } from './choose-pools.ts';
import { findDaemon, isNotRunning, notRunning } from './control-socket.ts';
import { countOrphans } from './orphans.ts';
import { type CtlRequest, defaultStatusTimeoutMs } from './request.ts';

export interface StatusOptions {
  /** Every worker too; JSON always has them. */
  readonly hasWorkers: boolean;
}

/**
 * `fcgictl status [POOL…]`: exit status 0 when every pool asked for is running, 3 when one is not. A refused reload
 * changes nothing about that: the pool serves.
 */
export async function status(
  names: readonly string[],
  { hasWorkers }: StatusOptions,
  request: CtlRequest,
): Promise<number> {
  const { terminal, isJson } = request;
  const client = await findDaemon(request, request.timeoutMs ?? defaultStatusTimeoutMs);
  let snapshot: StatusSnapshot;
  try {
    snapshot = await client.status();
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    const orphans = await countOrphans(client.socketPath);
    terminal.print(
      isJson ? JSON.stringify({ daemon: null, pools: [], orphans }) : notRunning(error, orphans),
    );
    return exitStatus.notRunning;
  }
  const pools = await choosePools(names, snapshot.pools);
  const chosen = { ...snapshot, pools };
  const { hasColours, width } = terminal;
  terminal.print(isJson ? JSON.stringify(chosen) : formatStatus(chosen, { hasColours, hasWorkers, width }));
  return pools.every(({ state }) => state === 'running') ? exitStatus.ok : exitStatus.notRunning;
}
