import type { Report } from './report.ts';

const forcedByDaemon = 'runfcgid opens the socket itself and hands it over as fd 0';
const onlyDaemonized = ['workdir', 'umask', 'outlog', 'errlog'];

/**
 * The KEY=VALUE words after `runfcgi` that do harm under a supervisor. Keys are lower-cased and a word without
 * `=` counts as true, as Django's command reads them.
 */
export function checkRunfcgiWords(command: readonly string[], report: Report): void {
  const start = command.indexOf('runfcgi');
  if (start < 1) return;
  for (let index = start + 1; index < command.length; index += 1) {
    const word = command[index] ?? '';
    const [key = '', ...rest] = word.split('=');
    checkWord({ word, key: key.toLowerCase(), value: rest.join('=') }, ['command', index], report);
  }
}

/**
 * How flup finishes what is in hand. Its prefork server aborts requests on SIGTERM, or does not act on it; killed,
 * it leaves its children to finish theirs and end. Its threaded server finishes on SIGTERM.
 */
export function flupStopSignal(command: readonly string[]): 'SIGKILL' | 'SIGTERM' {
  const methods = command.flatMap((word) => /^method=(?<method>.*)$/is.exec(word)?.groups?.['method'] ?? []);
  return /^thread(?:ed)?$/.test(methods.at(-1) ?? '') ? 'SIGTERM' : 'SIGKILL';
}

interface Word {
  readonly word: string;
  readonly key: string;
  readonly value: string;
}

function checkWord({ word, key, value }: Word, place: readonly (string | number)[], report: Report): void {
  if (key === 'socket' || key === 'host' || key === 'port') {
    report.problem(place, `"${word}" would open a second socket; ${forcedByDaemon}`, {
      hint: 'Remove the word and write the address as "listen".',
    });
  }
  if (key === 'daemonize' && !/^(?:false|no|f)$/i.test(value)) {
    report.problem(
      place,
      `"${word}" would put the worker into the background, where it loses the socket on fd 0`,
      {
        hint: 'Write daemonize=false; the daemon is runfcgid.',
      },
    );
  }
  if (key === 'protocol' && value !== 'fcgi') {
    report.problem(place, `"${word}" does not speak FastCGI; expected protocol=fcgi`);
  }
  if (key === 'pidfile') {
    report.warn(place, `"${word}": every worker overwrites this file with its own pid`, {
      hint: 'Remove the word; the pidfile of the daemon is a setting of [daemon].',
    });
  }
  if (onlyDaemonized.includes(key)) {
    report.warn(place, `"${word}" has no effect: runfcgi heeds it only when daemonizing`, {
      hint: 'Use the settings of the pool (directory, umask) and the log of the daemon.',
    });
  }
}
