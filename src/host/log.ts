import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Clock } from './clock.ts';
import { LineSink, whyNotOpened } from './line-sink.ts';
import { redact } from './redact.ts';

/** Fields first, one lower-case sentence second; `event` names the line as `noun.verb`. */
export interface LogFields {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Who wrote a line, where the log does not say so already. */
export interface OutputFields {
  readonly stream: 'stdout' | 'stderr';
  readonly pid: number | undefined;
  readonly worker?: string;
}

/** Where the log goes, and how. */
export interface LogPlan {
  /** Of what the daemon says itself. */
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** `undefined`: standard output. */
  readonly file: string | undefined;
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'pretty' | 'json';
}

/** What the rest of the program knows of logging. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A line that a worker wrote: it is the log of the site, and the level of the daemon's own lines is not about it. */
  output(fields: OutputFields, line: string): void;
  /** A log that adds `fields` (pool, worker, pid, generation …) to every line. */
  child(fields: Readonly<Record<string, unknown>>): Log;
}

export interface OpenLog {
  readonly log: Log;
  /** Opens the file again under its name (logrotate(8)); a failure is logged and the old file stays in use. */
  reopen(): void;
  /** Writes what still waits for a slow reader or a full disk. */
  flush(): void;
  close(): void;
}

export interface LogSurroundings {
  readonly clock: Clock;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Opens the log: JSON lines with `level` as a word and `time` in ISO 8601, or text for people on a terminal.
 * Writing is synchronous, so that the last words of a dying daemon are not lost, and never throws.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when the log file cannot be opened.
 */
export async function createLog(plan: LogPlan, surroundings: LogSurroundings): Promise<OpenLog> {
  const format = await lineFormat(plan, surroundings);
  const sink = new LineSink({
    file: plan.file,
    setting: '"log_file" in [daemon], or the word errlog of "runfcgid runfcgi"',
    clock: surroundings.clock,
    onLost: (lines, reason) => log.warn({ event: 'log.lost', lines, reason }, `${lines} log lines were lost`),
  });
  const logger = pino(
    {
      level: plan.level,
      // A line about a worker carries the worker's pid; the daemon's own would be in its way.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }), log: redact },
    },
    { write: (line) => sink.write(format(line)) },
  );
  const log = wrap(logger);
  const reopen = (): void => {
    try {
      sink.reopen();
      log.info({ event: 'log.reopened' }, 'log file reopened');
    } catch (error) {
      log.error({ event: 'log.reopen-failed', reason: whyNotOpened(error) }, 'the log file stays as it was');
    }
  };
  return { log, reopen, flush: () => sink.flush(), close: () => sink.close() };
}

async function lineFormat(plan: LogPlan, surroundings: LogSurroundings): Promise<(line: string) => string> {
  const isWatched = plan.file === undefined && surroundings.isTerminal;
  if (plan.format === 'json' || (plan.format === 'auto' && !isWatched)) return (line) => line;
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({
    // NO_COLOR counts when present and not empty (no-color.org).
    colorize: isWatched && !surroundings.environment['NO_COLOR'],
    // Who watches knows the day.
    translateTime: isWatched ? 'SYS:HH:MM:ss.l' : 'SYS:yyyy-mm-dd HH:MM:ss.l',
    ignore: 'event,pool,worker',
    singleLine: true,
    messageFormat: withOrigin,
  });
  return (line) => {
    const fields: Record<string, unknown> = JSON.parse(line);
    const below = linesBelow.flatMap((name) => {
      const lines = fields[name];
      if (!Array.isArray(lines)) return [];
      delete fields[name];
      return lines.map((text) => `    ${harmless(text)}\n`);
    });
    return [format(fields), ...below].join('');
  };
}

/** Fields that hold lines of text, such as those of a traceback: for people these are lines below the sentence. */
const linesBelow = ['problems', 'details', 'output', 'traceback'] as const;

/** Puts the worker or pool before the sentence. */
function withOrigin(record: Record<string, unknown>, messageKey: string): string {
  const origin = record['worker'] ?? record['pool'];
  const message = harmless(record[messageKey] ?? '');
  return origin === undefined ? message : `[${origin}] ${message}`;
}

/** What a program wrote, without the control characters that do something to a terminal. */
function harmless(text: unknown): string {
  return String(text).replaceAll(/\p{Cc}/gu, ' ');
}

function wrap(logger: Logger): Log {
  let outputLogger: Logger | undefined;
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    output: (fields, line) => {
      outputLogger ??= logger.child({}, { level: 'info' });
      outputLogger.info({ event: 'worker.output', ...fields }, line);
    },
    child: (fields) => wrap(logger.child(redact(fields))),
  };
}
