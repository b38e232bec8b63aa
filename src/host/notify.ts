import { describeError } from '../errors.ts';
import { sendDatagram } from './kernel/sockets.ts';
import type { Log } from './log.ts';

/** Tells the service manager how the daemon is (sd_notify(3)). Without a manager every call does nothing. */
export interface Notifier {
  /** How often `watchdog` has to be called at least, in milliseconds; `undefined`: nobody watches. */
  readonly watchdogTimeoutMs: number | undefined;
  ready(status: string): void;
  /** One line for `systemctl status`. */
  status(status: string): void;
  /** The configuration is read again; ends with `ready`. `monotonicUs` is CLOCK_MONOTONIC in microseconds. */
  reloading(monotonicUs: bigint): void;
  /** After this neither READY nor RELOADING is told any more: a reload that ends meanwhile must not say READY. */
  stopping(status: string): void;
  /** Still alive. */
  watchdog(): void;
}

export interface NotifierOptions {
  /** NOTIFY_SOCKET and the watchdog's variables are taken out of it: they are not meant for the workers. */
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly pid: number;
  readonly send?: (path: string, bytes: Buffer) => void;
}

/** Reads where the service manager listens: a path, or `@` and an abstract name. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { environment, log, send = sendDatagram } = options;
  const path = takeVariable(environment, 'NOTIFY_SOCKET');
  const watchdogTimeoutMs = takeWatchdogTimeout(environment, options.pid);
  let hasFailed = false;
  let isStopping = false;
  const notify = (...assignments: readonly string[]): void => {
    if (path === undefined) return;
    try {
      send(path, Buffer.from(assignments.join('\n')));
    } catch (error) {
      if (hasFailed) return;
      hasFailed = true;
      log.warn({ event: 'notify.failed', path, reason: describeError(error) }, 'systemd cannot be notified');
    }
  };
  return {
    watchdogTimeoutMs: path === undefined ? undefined : watchdogTimeoutMs,
    ready: (status) => {
      if (!isStopping) notify('READY=1', statusLine(status));
    },
    status: (status) => notify(statusLine(status)),
    reloading: (monotonicUs) => {
      if (!isStopping) notify('RELOADING=1', `MONOTONIC_USEC=${monotonicUs}`);
    },
    stopping: (status) => {
      isStopping = true;
      notify('STOPPING=1', statusLine(status));
    },
    watchdog: () => notify('WATCHDOG=1'),
  };
}

function statusLine(status: string): string {
  return `STATUS=${status.replaceAll('\n', ' ')}`;
}

function takeWatchdogTimeout(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const timeoutUs = Number(takeVariable(environment, 'WATCHDOG_USEC'));
  const watched = takeVariable(environment, 'WATCHDOG_PID');
  // sd_watchdog_enabled(3): the variables may be meant for another process.
  if (watched !== undefined && Number(watched) !== pid) return undefined;
  return Number.isSafeInteger(timeoutUs) && timeoutUs > 0 ? timeoutUs / 1_000 : undefined;
}

function takeVariable(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name];
  delete environment[name];
  return value === '' ? undefined : value;
}
