import { runOnDaemon } from './pool-verb.ts';
import type { CtlRequest } from './request.ts';

export interface RestartOptions {
  /** Stop first, instead of a reload. */
  readonly isHard: boolean;
}

/** `fcgictl restart [POOL…]`. */
export function restart(
  names: readonly string[],
  { isHard }: RestartOptions,
  request: CtlRequest,
): Promise<number> {
  return runOnDaemon(isHard ? 'hard restart' : 'restart', names, request);
}
