import type { Clock } from './clock.ts';
import { LineSink, whyNotOpened } from './line-sink.ts';
import type { Log, OpenLog } from './log.ts';

/**
 * The same log, but what workers write to standard output goes to a file of its own, as they wrote it.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when the file cannot be opened.
 */
export function withOutputFile(openLog: OpenLog, file: string, clock: Clock): OpenLog {
  const sink = new LineSink({
    file,
    setting: 'the word outlog',
    clock,
    onLost: (lines, reason) =>
      openLog.log.warn({ event: 'log.lost', file, lines, reason }, `${lines} lines of output were lost`),
  });
  return {
    log: divert(openLog.log, (line) => sink.write(`${line}\n`)),
    reopen: () => {
      openLog.reopen();
      try {
        sink.reopen();
      } catch (error) {
        const reason = whyNotOpened(error);
        openLog.log.error({ event: 'log.reopen-failed', file, reason }, 'the output file stays as it was');
      }
    },
    flush: () => {
      openLog.flush();
      sink.flush();
    },
    close: () => {
      openLog.close();
      sink.close();
    },
  };
}

function divert(log: Log, write: (line: string) => void): Log {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    output: (fields, line) => {
      if (fields.stream === 'stdout') write(line);
      else log.output(fields, line);
    },
    child: (fields) => divert(log.child(fields), write),
  };
}
