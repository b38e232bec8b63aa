import { parseArgs } from 'node:util';
import { describeError, RunfcgidError } from '../errors.ts';

export interface DaemonOptions {
  readonly configFile: string | undefined;
  readonly isDaemonized: boolean;
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
}

export const usage = `Usage: runfcgid [--config FILE] [--daemonize]

Runs the pools of FastCGI workers that the configuration describes, in the
foreground until SIGTERM or Ctrl-C. fcgictl talks to it.

Options:
  -c, --config FILE  the configuration; otherwise RUNFCGID_CONFIG, then
                     /etc/runfcgid/runfcgid.toml for root and
                     ~/.config/runfcgid/runfcgid.toml for everybody else
  -d, --daemonize    go to the background when the pools are up
  -V, --version      print the version
  -h, --help         print this

Signals:
  TERM, INT  stop gracefully: requests in hand are finished; again: stop now
  QUIT       stop now
  HUP        read the configuration again
  USR1       open the log file again, for logrotate
`;

/** @throws RunfcgidError USAGE */
export function parseCommandLine(words: readonly string[]): DaemonOptions {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        config: { type: 'string', short: 'c' },
        daemonize: { type: 'boolean', short: 'd', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', short: 'V', default: false },
      },
    });
    return {
      configFile: values.config,
      isDaemonized: values.daemonize,
      wantsHelp: values.help,
      wantsVersion: values.version,
    };
  } catch (error) {
    throw new RunfcgidError('USAGE', describeError(error), { hint: 'See "runfcgid --help".' });
  }
}
