import { constants } from 'node:os';
import { reap, type WaitStatus } from './kernel/processes.ts';

export type ChildExit =
  | { readonly code: number; readonly signal: null }
  | { readonly code: null; readonly signal: NodeJS.Signals }
  /** Somebody else has collected it: how it ended is lost. */
  | 'unknown';

type OnExit = (exit: ChildExit) => void;

const waiting = new Map<number, OnExit>();
let isListening = false;

/** Calls `onExit` when a child has ended that Node does not know of (kernel/spawn.ts), and collects it. */
export function onChildExit(pid: number, onExit: OnExit): void {
  waiting.set(pid, onExit);
  if (!isListening) process.on('SIGCHLD', collect);
  isListening = true;
  // It may have ended before anybody listened, or before anybody waited for it: one that was adopted.
  setImmediate(collect);
}

/** Several deaths may be one signal (signal(7): standard signals do not queue), so each look is at all. */
function collect(): void {
  for (const [pid, onExit] of [...waiting]) {
    const status = reap(pid);
    if (status === 'running') continue;
    waiting.delete(pid);
    const exit = status === 'not-a-child' ? 'unknown' : toChildExit(status);
    // A mistake in one of these must not keep the others uncollected.
    process.nextTick(onExit, exit);
  }
}

/** How a child ended, with the name of the signal. */
export function toChildExit(status: WaitStatus): ChildExit {
  if (status.kind === 'exited') return { code: status.status, signal: null };
  const name = Object.entries(constants.signals).find(([, number]) => number === status.signal)?.[0];
  // Real-time signals have no name in Node.
  return { code: null, signal: (name ?? `SIG${status.signal}`) as NodeJS.Signals };
}
