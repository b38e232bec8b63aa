import type { ChildExit } from '../host/child-exits.ts';
import type { ExitStatus } from './exit-reason.ts';

export function toExitStatus({ code, signal }: ChildExit): ExitStatus {
  return signal === null ? { kind: 'exited', code } : { kind: 'signaled', signal };
}
