import { djangoSettings, wsgiSettings } from './engine-settings.ts';
import { proofSettings } from './proof-settings.ts';
import { requestSettings } from './request-settings.ts';
import type { SettingsTable, Values } from './setting.ts';
import {
  account,
  addresses,
  command,
  count,
  duration,
  exitStatuses,
  flag,
  mode,
  oneOf,
  path,
  paths,
  patterns,
  positiveDuration,
  signal,
  size,
  variableNames,
  variables,
} from './setting-types.ts';

/*
 * Every setting there is. Parsing, the did-you-mean and the reference in docs/configuration.md all come from
 * these tables: a new setting is one entry here, one line where the plan is made from it, and one row in the
 * reference (a test compares the two).
 */

export const daemonSettings = {
  runtime_dir: {
    type: path,
    unset: '`/run/runfcgid` for root; else `$XDG_RUNTIME_DIR/runfcgid`, else `~/.local/state/runfcgid`',
    meaning: "The daemon's own directory: control socket, pidfile, private sockets.",
  },
  control_socket: {
    type: path,
    unset: '`control.sock` in `runtime_dir`',
    meaning: 'The socket that `fcgictl` talks to.',
  },
  control_mode: {
    type: mode,
    default: '0600',
    meaning: 'Permission bits of the control socket: who may open it may stop your site.',
  },
  pidfile: {
    type: path,
    unset: '`runfcgid.pid` in `runtime_dir`',
    meaning: "Holds the daemon's process id while it runs.",
  },
  log_level: {
    type: oneOf(['trace', 'debug', 'info', 'warn', 'error']),
    default: 'info',
    meaning: 'The least severe lines that the daemon writes itself. What workers write is always in the log.',
  },
  log_file: {
    type: path,
    unset: 'standard output; with `--daemonize` `runfcgid.log` in `runtime_dir`',
    meaning: "Where the daemon's log goes, the output of the workers included.",
  },
  log_format: {
    type: oneOf(['auto', 'pretty', 'json']),
    default: 'auto',
    meaning: '`auto` is `pretty` on a terminal and `json` elsewhere.',
  },
  include: {
    type: paths,
    default: ['pools.d/*.toml'],
    meaning: 'Further files with pools, relative to this file; `*` and `?` stand for parts of a name.',
  },
} as const satisfies SettingsTable;

export const poolSettings = {
  command: {
    type: command,
    unset: 'one of `command`, `django`, `wsgi` is required',
    meaning: 'Any FastCGI program that accepts on fd 0, with its arguments. No shell is involved.',
  },
  django: {
    settings: djangoSettings,
    meaning: 'A Django project, served by the Python engine that comes with runfcgid.',
  },
  wsgi: {
    settings: wsgiSettings,
    meaning: 'Any other WSGI application, served by the Python engine that comes with runfcgid.',
  },
  preset: {
    type: oneOf(['django', 'wsgi', 'django-legacy', 'php-cgi', 'perl', 'generic']),
    unset: 'guessed from the command',
    meaning: 'What kind of program it is; see [presets](#presets).',
  },
  directory: {
    type: path,
    unset: 'the directory of this file',
    meaning: 'The working directory of the workers.',
  },
  listen: {
    type: addresses,
    isRequired: true,
    meaning:
      'Where the web server connects: `unix:/path`, `127.0.0.1:9000`, `[::1]:9000`, `*:9000`; `unix:@name`, `systemd:NAME`, `fd:0` (see [sockets that cannot be moved](#sockets-that-cannot-be-moved)); or a list.',
  },
  listen_mode: { type: mode, default: '0660', meaning: 'Permission bits of a Unix socket.' },
  listen_owner: {
    type: account,
    unset: "the daemon's user",
    meaning: 'Owner of a Unix socket.',
  },
  listen_group: {
    type: account,
    unset: "the daemon's group",
    meaning: 'Group of a Unix socket; usually the group of the web server, `www-data` on Debian.',
  },
  backlog: {
    type: count(1, 65_535),
    default: 1024,
    meaning: 'How many connections may wait; the kernel caps it at `net.core.somaxconn`.',
  },
  workers: {
    type: count(1, 1024),
    unset: 'from the preset; at least one for each address',
    meaning: 'Number of worker processes.',
  },
  user: {
    type: account,
    unset: "the daemon's user",
    meaning: 'Who the workers run as. Needs a daemon that runs as root.',
  },
  group: {
    type: account,
    unset: "the user's own group",
    meaning: 'The primary group of the workers. Needs a daemon that runs as root.',
  },
  umask: {
    type: mode,
    default: '0022',
    meaning: 'Permission bits that files made by the workers do not get.',
  },
  environment: {
    type: variables,
    unset: 'empty',
    meaning: 'Environment variables for the workers.',
  },
  environment_file: {
    type: paths,
    unset: 'none',
    meaning: 'Files of `NAME=VALUE` lines, read with the configuration; `environment` wins over them.',
  },
  pass_environment: {
    type: variableNames,
    default: [],
    meaning: "Variables taken over from the daemon's own environment where it has them.",
  },
  autostart: { type: flag, default: true, meaning: 'Start the pool when the daemon starts.' },
  switch: {
    type: oneOf(['generation', 'rolling']),
    default: 'generation',
    meaning:
      'How new workers take over. `generation`: on sockets of their own, to which the address is moved at once. `rolling`: on the same socket, where the old ones leave one by one; always so for sockets that cannot be moved.',
  },
  surge: {
    type: count(1, 1024),
    unset: 'as many as `workers`',
    meaning: 'How many workers there may be beyond `workers` while new ones take over.',
  },
  touch_reload: {
    type: paths,
    unset: 'none',
    meaning: 'Files whose touch is a reload, as in `touch mysite.fcgi`. Relative to `directory`.',
  },
  watch: {
    type: patterns,
    unset: 'none',
    meaning:
      'For development: files below `directory` of which any change is a reload, with the rules of `.gitignore`; `!` in front excludes.',
  },
  watch_interval: {
    type: positiveDuration,
    unset: 'only where the kernel does not tell of changes, as on network file systems',
    meaning: 'Look at the files of `watch` this often instead of waiting to be told.',
  },
  boot_timeout: {
    type: positiveDuration,
    default: '30s',
    meaning: 'How long a worker may take until it is ready.',
  },
  proof: {
    settings: proofSettings,
    shorthand: 'level',
    meaning: 'What a worker must show before it counts as ready. A text is its `level`.',
  },
  stop_signal: { type: signal, unset: 'from the preset', meaning: 'The signal that asks a worker to end.' },
  graceful_timeout: {
    type: duration,
    default: '30s',
    meaning: 'From the stop signal, or a stop of the pool, to SIGKILL; `0s` kills at once.',
  },
  drain_timeout: {
    type: duration,
    default: '60s',
    meaning:
      'How long workers that were replaced may go on with what they have, before they are stopped. When the pool is stopped, no longer than nine tenths of `graceful_timeout`.',
  },
  ...requestSettings,
  max_age: {
    type: positiveDuration,
    unset: 'none',
    meaning:
      'How long a worker serves before another takes over from it; up to a tenth less, by chance. See [limits of a worker](#limits-of-a-worker).',
  },
  max_memory: {
    type: size,
    unset: 'none',
    meaning:
      'How much memory a worker may have, with its descendants, before another takes over from it. See [limits of a worker](#limits-of-a-worker).',
  },
  memory_measure: {
    type: oneOf(['rss', 'pss']),
    default: 'rss',
    meaning:
      'What `max_memory` counts. `rss`: pages that processes share count for each of them. `pss`: each takes its part of them; this costs more to measure.',
  },
  max_restarts: {
    type: count(0, 1_000_000),
    default: 5,
    meaning:
      'With more early deaths than this for each worker within `restart_window` the pool is failed. See [when workers die](#when-workers-die).',
  },
  restart_window: { type: positiveDuration, default: '60s', meaning: 'See `max_restarts`.' },
  backoff_initial: {
    type: positiveDuration,
    default: '200ms',
    meaning:
      'Delay before a worker that died early is started again; it doubles with every early death in a row.',
  },
  backoff_max: {
    type: positiveDuration,
    default: '30s',
    meaning: 'The longest such delay, and how often a failed pool tries again.',
  },
  expected_exits: {
    type: exitStatuses,
    unset: 'from the preset',
    meaning: "Exit statuses that are part of the program's normal life, once it was ready.",
  },
} as const satisfies SettingsTable;

export type DaemonSettings = Values<typeof daemonSettings>;
export type PoolSettings = Values<typeof poolSettings>;
