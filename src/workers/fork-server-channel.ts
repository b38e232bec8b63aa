import type { Readable } from 'node:stream';
import { toChildExit } from '../host/child-exits.ts';
import type { Clock } from '../host/clock.ts';
import { decodeWaitStatus } from '../host/kernel/processes.ts';
import type { ExitStatus } from './exit-reason.ts';
import type { OutputLine } from './lines.ts';
import { type Fields, type Parsed, parseLine, readMessages } from './message-lines.ts';
import { toExitStatus } from './wait-status.ts';

/** The version of the protocol that is spoken here. */
const knownVersion = 2;

/*
 * Between a fork server and the daemon: a Unix stream socket, JSON, one message a line, both ways.
 *
 *     daemon                                     fork server
 *                                            <-  ready            it has loaded the application
 *                                            <-  load-failed      it has not, and exits
 *     spawn (id, marker, six descriptors)    ->  forks a worker
 *     prepare (id, six descriptors)          ->  forks a reserve
 *                                            <-  spawned (id, pid)
 *                                            <-  spawn-failed (id, message)
 *                                            <-  exited (pid, status as waitpid(2) gives it, or null)
 *                                            <-  warning (message)
 *
 * The descriptors of `spawn` come with its first byte: listen socket, standard output and error, channel, scoreboard,
 * traces. The end of the stream ends the fork server, and no worker.
 *
 * A reserve (reserve.ts) has no listen socket and no marker yet. In their stead it gets one end of another Unix stream
 * socket: there it writes one byte when it sleeps, and is told its marker, one line sent in one piece of at most 4,096
 * bytes, with its listen socket, and is a worker from then on. The end of that stream ends it.
 */

export type ForkServerMessage =
  | { readonly event: 'ready' }
  | { readonly event: 'load-failed'; readonly message: string; readonly traceback: string }
  | { readonly event: 'spawned'; readonly id: number; readonly pid: number }
  | { readonly event: 'spawn-failed'; readonly id: number; readonly message: string }
  | { readonly event: 'exited'; readonly pid: number; readonly exit: ExitStatus }
  | { readonly event: 'warning'; readonly message: string };

export interface ForkServerReading {
  readonly stream: Readable;
  readonly clock: Clock;
  readonly onMessage: (message: ForkServerMessage) => void;
  readonly onProblem: (problem: string) => void;
}

const format = { channel: 'fork server', read: readMessage } as const;

/** Reads what a fork server says to the end. */
export function readForkServer(reading: ForkServerReading): Promise<void> {
  return readMessages<ForkServerMessage>({ ...format, ...reading });
}

export function parseForkServerMessage(line: OutputLine): Parsed<ForkServerMessage> {
  return parseLine<ForkServerMessage>(line, format);
}

/** `id` is repeated in the answer; `marker` goes into the environment of the worker. */
export function spawnCommand(id: number, marker: string): Buffer {
  return Buffer.from(`${JSON.stringify({ command: 'spawn', id, marker })}\n`);
}

/** For a reserve. */
export function prepareCommand(id: number): Buffer {
  return Buffer.from(`${JSON.stringify({ command: 'prepare', id })}\n`);
}

function readMessage(fields: Fields): ForkServerMessage | string {
  const { event, message, id, pid } = fields;
  switch (event) {
    case 'ready':
      if (fields['version'] === knownVersion) return { event };
      return `"ready" of version ${JSON.stringify(fields['version'])}, and only ${knownVersion} is known`;
    case 'load-failed': {
      const { traceback } = fields;
      if (typeof message === 'string' && typeof traceback === 'string') return { event, message, traceback };
      return '"load-failed" lacks the texts "message" and "traceback"';
    }
    case 'spawned':
      return isNumber(id, 0) && isNumber(pid, 2) ? { event, id, pid } : '"spawned" lacks its numbers';
    case 'spawn-failed':
      if (isNumber(id, 0) && typeof message === 'string') return { event, id, message };
      return '"spawn-failed" lacks its number or text';
    case 'exited': {
      const { status } = fields;
      if (isNumber(pid, 2) && status === null) return { event, pid, exit: { kind: 'unknown' } };
      if (!isNumber(pid, 2) || !isNumber(status, 0)) return '"exited" lacks its numbers';
      return { event, pid, exit: toExitStatus(toChildExit(decodeWaitStatus(status))) };
    }
    case 'warning':
      return typeof message === 'string' ? { event, message } : '"warning" lacks its text';
    default:
      return `the event ${JSON.stringify(event)} is not known`;
  }
}

function isNumber(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
