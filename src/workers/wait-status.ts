import type { ChildExit } from '../host/child-exits.ts';
import type { ExitStatus } from './exit-reason.ts';

export function toExitStatus(exit: ChildExit): ExitStatus {
  if (exit === 'unknown') return { kind: 'unknown' };
  const { code, signal } = exit;
  return signal === null ? { kind: 'exited', code } : { kind: 'signaled', signal };
}
