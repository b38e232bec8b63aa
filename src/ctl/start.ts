import { askToStart, runOnDaemon } from './pool-verb.ts';
import type { CtlRequest } from './request.ts';

/** `fcgictl start [POOL…]`. */
export function start(names: readonly string[], request: CtlRequest): Promise<number> {
  return runOnDaemon(askToStart, names, request);
}
