import { parseArgs } from 'node:util';
import { isDaemonized, isHelpWanted, type RunfcgiWords, readRunfcgiWords } from '../config/runfcgi-words.ts';
import { describeError, RunfcgidError } from '../errors.ts';
import { readVersion } from '../host/version.ts';
import { runfcgiUsage } from '../runfcgi/usage.ts';

export type CommandLine =
  | { readonly wants: 'text'; readonly text: string }
  | { readonly wants: 'pools'; readonly configFile: string | undefined; readonly isDaemonized: boolean }
  /** One site, from the words of `runfcgid runfcgi`. */
  | { readonly wants: 'site'; readonly words: RunfcgiWords; readonly isDaemonized: boolean };

const usage = `Usage: runfcgid [--config FILE] [--daemonize]
       runfcgid runfcgi KEY=VALUE…

Runs the pools of FastCGI workers that the configuration describes, in the
foreground until SIGTERM or Ctrl-C. fcgictl talks to it.

With "runfcgi" it runs one Django site without a configuration, as
"./manage.py runfcgi" did: see "runfcgid runfcgi help".

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
export function parseCommandLine(words: readonly string[]): CommandLine {
  const [command, ...rest] = words;
  return command === 'runfcgi' ? parseSite(rest) : parseOptions(words);
}

function parseSite(words: readonly string[]): CommandLine {
  if (isHelpWanted(words)) return { wants: 'text', text: runfcgiUsage() };
  const read = readRunfcgiWords(words);
  return { wants: 'site', words: read, isDaemonized: isDaemonized(read) };
}

function parseOptions(words: readonly string[]): CommandLine {
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
    if (values.help) return { wants: 'text', text: usage };
    if (values.version) return { wants: 'text', text: `runfcgid ${readVersion()}\n` };
    return { wants: 'pools', configFile: values.config, isDaemonized: values.daemonize };
  } catch (error) {
    throw new RunfcgidError('USAGE', describeError(error), { hint: 'See "runfcgid --help".' });
  }
}
