import { basename, isAbsolute, join, resolve } from 'node:path';
import type { RawTable } from './parse-table.ts';
import { isDaemonized, type RunfcgiWords } from './runfcgi-words.ts';

/** Where a command line was given, and what was found there. */
export interface SiteContext {
  /** Relative paths of the words begin here; so does the project. */
  readonly directory: string;
  /** Of the process that was started with the words. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Control socket and private sockets of this daemon alone. */
  readonly runtimeDir: string;
  /** For a daemon in the background that has no `errlog`. */
  readonly logFile: string;
  readonly name: string;
}

/** What serves the site: our engine, or the `runfcgi` of a Django that still has it. */
export interface Runner {
  readonly kind: 'engine' | 'own-command';
  /** `undefined`: the usual ones are looked for. */
  readonly python: string | undefined;
  readonly settings: string | undefined;
}

const defaultMaxSpare = 5;
const defaultMaxChildren = 50;
/** More threads than this take turns more than they work: one at a time runs Python code. */
const mostThreads = 64;
/** They say where the shell was, or are meant for this process alone. */
const notPassedOn =
  /^(?:PWD|OLDPWD|SHLVL|_|RUNFCGID_.*|FCGI_.*|LISTEN_(?:FDS|PID|FDNAMES)|NOTIFY_SOCKET|WATCHDOG_.*|NODE_.*)$/;
/** They belong to whoever started the command, not to another user whom the workers run as. */
const ofTheUser = /^(?:HOME|USER|LOGNAME|SHELL|MAIL|XDG_.*)$/;

/** The same tables that a file would give, for one pool. Pure. */
export function siteTables(words: RunfcgiWords, runner: Runner, context: SiteContext): RawTable {
  return defined({
    daemon: daemonTable(words, context),
    pools: { [context.name]: poolTable(words, runner, context) },
  });
}

/** From the address, so that one project may run on two: `mysite`, `mysite-3033`, `mysite-django`. */
export function siteName(words: Pick<RunfcgiWords, 'name' | 'socket' | 'port'>, directory: string): string {
  if (words.name !== undefined) return words.name;
  const project = basename(directory) || 'site';
  const address = words.port ?? basename(words.socket ?? '').replace(/\.[^.]*$/, '');
  const parts = address === '' || address === project ? [project] : [project, address];
  return (
    parts
      .join('-')
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 63) || 'site'
  );
}

function daemonTable(words: RunfcgiWords, { directory, runtimeDir, logFile }: SiteContext): RawTable {
  const log = words.errlog === undefined ? undefined : resolve(directory, words.errlog);
  return defined({
    runtime_dir: runtimeDir,
    pidfile: words.pidfile === undefined ? undefined : resolve(directory, words.pidfile),
    log_file: log ?? (isDaemonized(words) ? logFile : undefined),
    log_format: 'pretty',
    log_level: words.log_level,
  });
}

function poolTable(words: RunfcgiWords, runner: Runner, context: SiteContext): RawTable {
  const { directory } = context;
  return defined({
    ...(runner.kind === 'engine' ? engineTable(words, runner, context) : ownCommandTable(words, runner)),
    directory: runner.kind === 'engine' ? resolve(directory, words.workdir ?? '.') : directory,
    listen: listenAddress(words, directory),
    listen_mode: words.listen_mode ?? socketMode(words.umask),
    listen_owner: account(words.listen_owner),
    listen_group: account(words.listen_group),
    backlog: words.backlog,
    user: account(words.user),
    group: account(words.group),
    umask: words.umask,
    pass_environment: passedOn(words, context.environment),
    environment: importPath(words, context),
    touch_reload: words.touch_reload?.split(',').map((file) => resolve(directory, file)),
    watch: words.watch,
    boot_timeout: words.boot_timeout,
    drain_timeout: words.drain_timeout,
    graceful_timeout: words.graceful_timeout,
  });
}

function engineTable(words: RunfcgiWords, runner: Runner, { directory }: SiteContext): RawTable {
  const isThreaded = words.method === 'threaded';
  const django = defined({
    settings: runner.settings,
    project: directory,
    method: words.method,
    threads: isThreaded
      ? (words.threads ?? Math.min(words.maxchildren ?? defaultMaxChildren, mostThreads))
      : undefined,
    python: programFrom(directory, runner.python),
    max_requests: words.maxrequests,
    debug: words.debug,
  });
  // Django's threaded server was one process.
  return { django, workers: words.workers ?? (isThreaded ? 1 : childrenAtRest(words)) };
}

function ownCommandTable(words: RunfcgiWords, { python = 'python', settings }: Runner): RawTable {
  const { maxrequests, maxspare, minspare, maxchildren } = words;
  const numbers = Object.entries({ maxrequests, maxspare, minspare, maxchildren })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`);
  const command = [
    python,
    'manage.py',
    'runfcgi',
    ...(settings === undefined ? [] : [`--settings=${settings}`]),
    `method=${words.method ?? 'prefork'}`,
    'daemonize=false',
    ...numbers,
    // Any value turns it on there.
    ...(words.debug ? ['debug=true'] : []),
  ];
  return defined({ command, preset: 'django-legacy', workers: words.workers });
}

/** flup kept this many, and more only while there was much to do. */
function childrenAtRest({
  maxspare = defaultMaxSpare,
  maxchildren = defaultMaxChildren,
}: RunfcgiWords): number {
  return Math.min(maxspare, maxchildren);
}

function listenAddress({ socket, host, port }: RunfcgiWords, directory: string): string {
  if (socket !== undefined) return `unix:${resolve(directory, socket)}`;
  if (host === undefined) return 'fd:0';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** bind(2) takes the bits of the umask away from 0777. */
function socketMode(umask: string | undefined): string | undefined {
  if (umask === undefined) return undefined;
  return (0o777 & ~Number.parseInt(umask.replace(/^0o/, ''), 8)).toString(8).padStart(4, '0');
}

function account(nameOrId: string | undefined): string | number | undefined {
  return nameOrId !== undefined && /^\d+$/.test(nameOrId) ? Number(nameOrId) : nameOrId;
}

/** A worker of Django's command had the whole environment of the shell. */
function passedOn({ user }: RunfcgiWords, environment: SiteContext['environment']): readonly string[] {
  return Object.keys(environment).filter(
    (name) =>
      /^[^=\0\s]+$/.test(name) && !notPassedOn.test(name) && !(user !== undefined && ofTheUser.test(name)),
  );
}

/** As Python reads it at its start: relative entries begin where the command was given. */
function importPath(
  { pythonpath }: RunfcgiWords,
  { directory, environment }: SiteContext,
): RawTable | undefined {
  const entries = [pythonpath, ...((environment['PYTHONPATH'] || undefined)?.split(':') ?? [])];
  const absolute = entries.filter((entry) => entry !== undefined).map((entry) => resolve(directory, entry));
  return absolute.length === 0 ? undefined : { PYTHONPATH: absolute.join(':') };
}

function programFrom(directory: string, program: string | undefined): string | undefined {
  return program?.includes('/') && !isAbsolute(program) ? join(directory, program) : program;
}

function defined(table: RawTable): RawTable {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined));
}
