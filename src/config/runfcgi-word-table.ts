import { safeParse } from 'valibot';
import { describeFound } from './found.ts';
import type { SettingType } from './setting-types.ts';
import { daemonSettings, poolSettings } from './settings.ts';
import { suggestion } from './suggestion.ts';

/** One of the KEY=VALUE words of `runfcgid runfcgi`. */
export interface Word<Value> {
  /** @throws SyntaxError that says what was expected. */
  readonly read: (text: string) => Value;
  readonly default?: string;
  readonly meaning: string;
  /** May stand without `=VALUE`. */
  readonly isFlag?: true;
}

type Method = 'prefork' | 'threaded';

type ScalarSetting =
  | 'umask'
  | 'listen_mode'
  | 'listen_owner'
  | 'listen_group'
  | 'user'
  | 'group'
  | 'boot_timeout'
  | 'drain_timeout'
  | 'graceful_timeout';

/** The words of Django's own `runfcgi` (1.0 to 1.8), in the order of its help. */
export const djangoWords = {
  protocol: { read: readProtocol, default: 'fcgi', meaning: 'fcgi; flup also spoke scgi and ajp' },
  host: { read: readText, meaning: 'address to listen on, with port=' },
  port: { read: count(1, 65_535), meaning: 'port to listen on, with host=' },
  socket: { read: readText, meaning: 'Unix socket to listen on' },
  method: { read: readMethod, default: 'prefork', meaning: 'prefork (or fork), threaded (or thread)' },
  maxrequests: { read: count(0, 1e9), default: '0', meaning: 'requests until a worker is renewed; 0: never' },
  maxspare: { read: count(1, 1e6), default: '5', meaning: 'prefork: number of workers' },
  minspare: { read: count(1, 1e6), default: '2', meaning: 'prefork: at most maxspare; without effect' },
  maxchildren: { read: count(1, 1e6), default: '50', meaning: 'most workers; threaded: threads, 64 at most' },
  daemonize: { read: readFlag, meaning: 'go to the background; default: yes with an address', isFlag: true },
  pidfile: { read: readText, meaning: "file for the daemon's process id; removed at its end" },
  workdir: { read: readText, meaning: 'working directory; default: the current one' },
  debug: { read: readFlag, default: 'false', meaning: 'tracebacks in error pages', isFlag: true },
  outlog: { read: readText, meaning: "file for the workers' standard output" },
  errlog: { read: readText, meaning: 'file for their standard error and for the log' },
  umask: setting('umask', 'octal; also for the mode of the socket; default 022'),
} as const satisfies Record<string, Word<unknown>>;

/** What Django's command did not have. */
export const ownWords = {
  settings: { read: readText, meaning: 'settings module; default: as manage.py chooses it' },
  pythonpath: { read: readText, meaning: 'directory to import from, before all others' },
  python: { read: readText, meaning: 'interpreter; default: .venv, venv or env here, else python3' },
  name: { read: readText, meaning: "the site's name, unique among yours" },
  runtime_dir: { read: readText, meaning: 'directory for control socket and log' },
  workers: { read: count(1, 1024), meaning: 'number of workers, instead of maxspare' },
  threads: { read: count(1, 1024), meaning: 'threaded: threads of each worker, instead of maxchildren' },
  listen_mode: setting('listen_mode', 'octal mode of the socket, instead of umask; default 0660'),
  listen_owner: setting('listen_owner', 'owner of the socket'),
  listen_group: setting('listen_group', 'group of the socket, for example www-data'),
  backlog: { read: count(1, 65_535), default: '1024', meaning: 'how many connections may wait' },
  user: setting('user', 'who the workers run as, for root'),
  group: setting('group', 'their group'),
  touch_reload: { read: readText, meaning: 'file whose touch is a reload; several with commas' },
  watch: { read: readText, meaning: 'for development: pattern of files whose change is a reload' },
  boot_timeout: setting('boot_timeout', 'how long a worker may take to start; default 30s'),
  drain_timeout: setting('drain_timeout', 'how long replaced workers may go on; default 60s'),
  graceful_timeout: setting('graceful_timeout', 'from a stop, or its signal, to SIGKILL; default 30s'),
  log_level: {
    read: writtenAs(daemonSettings.log_level.type),
    default: 'info',
    meaning: 'trace, debug, info, warn or error',
  },
} as const satisfies Record<string, Word<unknown>>;

export const runfcgiWords = { ...djangoWords, ...ownWords };

function readText(text: string): string {
  if (text === '') throw new SyntaxError('expected a value after "="');
  if (text.includes('\0')) throw new SyntaxError('expected a value without NUL bytes');
  return text;
}

function readProtocol(text: string): 'fcgi' {
  if (text.toLowerCase() === 'fcgi') return 'fcgi';
  throw new SyntaxError('expected fcgi: scgi and ajp were spoken by flup, runfcgid speaks FastCGI alone');
}

function readMethod(text: string): Method {
  const methods: Readonly<Record<string, Method>> = {
    prefork: 'prefork',
    fork: 'prefork',
    threaded: 'threaded',
    thread: 'threaded',
  };
  const method = Object.hasOwn(methods, text.toLowerCase()) ? methods[text.toLowerCase()] : undefined;
  if (method !== undefined) return method;
  const meant = suggestion(text, Object.keys(methods));
  throw new SyntaxError(
    `expected prefork or threaded${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
  );
}

function readFlag(text: string): boolean {
  if (/^(?:true|yes|t|y|on|1)$/i.test(text)) return true;
  if (/^(?:false|no|f|n|off|0)$/i.test(text)) return false;
  throw new SyntaxError('expected true or false');
}

function count(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new SyntaxError(`expected a whole number from ${least} to ${most}`);
  };
}

/** A word that stands for the setting of a pool with the same name, and is written in the same way. */
function setting(name: ScalarSetting, meaning: string): Word<string> {
  return { read: writtenAs(poolSettings[name].type), meaning };
}

/** Checks the text by the type of a setting and leaves it as it is. */
function writtenAs(type: SettingType<unknown>): (text: string) => string {
  return (text) => {
    const result = safeParse(type.schema, text);
    if (result.success) return text;
    throw new SyntaxError(result.issues[0].message);
  };
}

/** For messages: `port="abc"`. */
export function describeWord(name: string, text: string): string {
  return `${name}=${describeFound(text)}`;
}
