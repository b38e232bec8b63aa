import { runOnDaemon } from './pool-verb.ts';
import type { CtlRequest } from './request.ts';

/** `fcgictl restart [POOL…]`. */
export function restart(names: readonly string[], request: CtlRequest): Promise<number> {
  return runOnDaemon('restart', names, request);
}
