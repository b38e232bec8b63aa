import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { parseDuration } from './config/units.ts';
import type { CtlRequest } from './ctl/request.ts';
import { Terminal } from './ctl/terminal.ts';
import { describeError, exitStatus, RunfcgidError } from './errors.ts';
import { systemClock } from './host/clock.ts';
import { readVersion } from './host/version.ts';

interface CommonOptions {
  readonly config?: string;
  readonly socket?: string;
  readonly json?: true;
  readonly timeout?: number;
}

const terminal = new Terminal({
  output: process.stdout,
  errors: process.stderr,
  environment: process.env,
  clock: systemClock,
});

// Whoever reads our output may have had enough: `fcgictl status | head -1`.
process.stdout.on('error', () => {});

const program = createProgram();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = await reportFailure(error);
}
terminal.finish();

/** Every command loads what it needs when it runs, so that `fcgictl status` starts fast. */
function createProgram(): Command {
  const root = new Command('fcgictl')
    .description('Controls runfcgid, the FastCGI process supervisor.')
    .option(
      '-c, --config <file>',
      'the configuration of the daemon (else RUNFCGID_CONFIG, else the usual one)',
    )
    .option('-s, --socket <path>', 'the control socket of the daemon; no configuration is read')
    .option('-j, --json', 'print JSON')
    .option('-t, --timeout <duration>', 'how long to wait, such as 30s or 5m', parseTimeout)
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('See fcgictl --help.')
    .exitOverride();

  root
    .command('start [pool...]')
    .description('start pools, all when none is named, and first the daemon')
    .action((names: string[]) =>
      run(async (request) => (await import('./ctl/start.ts')).start(names, request)),
    );
  root
    .command('stop [pool...]')
    .description('stop pools; when none is named, all and then the daemon')
    .option('--keep-daemon', 'leave the daemon running')
    .action((names: string[], options: { keepDaemon?: true }) =>
      run(async (request) => {
        const { stop } = await import('./ctl/stop.ts');
        return stop(names, { keepDaemon: options.keepDaemon === true }, request);
      }),
    );
  root
    .command('restart [pool...]')
    .description('restart pools, all when none is named')
    .action((names: string[]) =>
      run(async (request) => (await import('./ctl/restart.ts')).restart(names, request)),
    );
  root
    .command('status [pool...]')
    .description('show the pools; exit status 0: all run, 3: one does not')
    .action((names: string[]) =>
      run(async (request) => (await import('./ctl/status.ts')).status(names, request)),
    );
  root
    .command('check [file]')
    .description('look for problems in a configuration and start nothing; exit status 78: there are some')
    .action((file: string | undefined) =>
      run(async (request) => (await import('./ctl/check.ts')).check(file, request)),
    );
  root
    .command('gateway <pool>')
    .description('show a pool over HTTP; for development, not for production')
    .option('--http <address>', 'where to listen', '127.0.0.1:8000')
    .option('--static <prefix=dir>', 'serve files from a folder (repeatable)', collect, [])
    .option('--param <name=value>', 'a further FastCGI parameter (repeatable)', collect, [])
    .action((pool: string, options: { http: string; static: string[]; param: string[] }) =>
      run(async (request) => (await import('./ctl/gateway.ts')).gateway(pool, options, request)),
    );
  return root;
}

async function run(command: (request: CtlRequest) => Promise<number>): Promise<void> {
  const options = program.opts<CommonOptions>();
  process.exitCode = await command({
    configFile: options.config,
    socketPath: options.socket,
    isJson: options.json === true,
    timeoutMs: options.timeout,
    terminal,
    clock: systemClock,
  });
}

/** Returns the exit status. */
async function reportFailure(error: unknown): Promise<number> {
  // Commander has printed its complaint, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  if (program.opts<CommonOptions>().json === true) {
    const { toErrorMessage } = await import('./error-message.ts');
    terminal.print(JSON.stringify({ error: toErrorMessage(error) }));
  } else {
    const { formatError } = await import('./ctl/error-text.ts');
    terminal.complain(formatError(error, 'fcgictl'));
  }
  return error instanceof RunfcgidError ? error.exitCode : exitStatus.internal;
}

function parseTimeout(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(describeError(error));
  }
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
