import { runOnDaemon } from './pool-verb.ts';
import type { CtlRequest } from './request.ts';

export interface RestartOptions {
  /** Stop first, instead of a reload. */
  readonly isHard: boolean;
  /** Kill first, instead of a reload. */
  readonly isNow: boolean;
}

/** `fcgictl restart [POOL…]`. */
export function restart(
  names: readonly string[],
  { isHard, isNow }: RestartOptions,
  request: CtlRequest,
): Promise<number> {
  const stopBy = isNow ? 'kill' : 'stop';
  return runOnDaemon(
    isHard || isNow
      ? (client, pools, onProgress) => client.restartHard(pools, stopBy, onProgress)
      : (client, pools, onProgress) => client.run('restart', pools, onProgress),
    names,
    request,
  );
}
