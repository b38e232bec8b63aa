import { Command, Help, Option } from 'commander';
import { readVersion } from '../host/version.ts';
import { parseCount, parseTimeout } from './arguments.ts';
import { reloadHelp, restartHelp, scaleHelp, statusHelp, stopHelp } from './help-texts.ts';
import type { CtlRequest } from './request.ts';
import { explainMistake } from './usage-mistakes.ts';

export const usageHint = 'See fcgictl --help.';

const commonFlags = ['--config', '--socket', '--json', '--timeout', '--version', '--help'];
/** Characters of a description, below which lines are not broken any more. */
const narrowestHelp = 20;

/** Options of every command; they may stand before it, too. */
export interface CommonOptions {
  readonly config?: string;
  readonly socket?: string;
  readonly json?: true;
  readonly timeout?: number;
}

/** Runs what a command line asks for; the command resolves to the exit status. */
export type RunCommand = (
  command: (request: CtlRequest) => Promise<number>,
  options: CommonOptions,
) => Promise<void>;

/** The commands of fcgictl. Each loads what it needs when it runs, so that `fcgictl status` starts fast. */
export function createProgram(run: RunCommand): Command {
  const root = new Command('fcgictl')
    .description('Controls runfcgid, the FastCGI process supervisor.')
    .addOption(configOption())
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError(usageHint)
    .configureOutput({ outputError: (text, write) => write(`fcgictl: ${explainMistake(text)}`) })
    .configureHelp({ subcommandTerm: termOf, visibleOptions: ownFirst, minWidthToWrap: narrowestHelp })
    // `reload --config` is not the `--config FILE` before the command.
    .enablePositionalOptions()
    .exitOverride();
  addCommonOptions(root);

  const add = (usage: string, description: string): Command => {
    const command = root.command(usage).description(description).helpOption('-h, --help', 'print help');
    command.showHelpAfterError(`See fcgictl help ${command.name()}.`);
    return addCommonOptions(command);
  };
  const addConfigured = (usage: string, description: string): Command =>
    add(usage, description).addOption(configOption());
  const optionsOf = (command: Command): CommonOptions => ({ ...root.opts(), ...command.opts() });

  addConfigured('start [pool...]', 'start pools, all when none is named, and first the daemon').action(
    (names: string[], _own: object, command: Command) =>
      run(async (request) => (await import('./start.ts')).start(names, request), optionsOf(command)),
  );
  addConfigured('stop [pool...]', 'stop pools; when none is named, all and then the daemon')
    .addHelpText('after', stopHelp)
    .option('--keep-daemon', 'leave the daemon running')
    .option('--now', 'kill the workers at once; hastens a stop that waits')
    .action((names: string[], own: { keepDaemon?: boolean; now?: boolean }, command: Command) => {
      const options = { keepDaemon: own.keepDaemon === true, isNow: own.now === true };
      return run(
        async (request) => (await import('./stop.ts')).stop(names, options, request),
        optionsOf(command),
      );
    });
  addConfigured('restart [pool...]', 'restart pools, all when none is named, and first the daemon')
    .addHelpText('after', restartHelp)
    .option('--hard', 'stop first, then start: for a moment nobody answers')
    .option('--now', 'the same, and kill the workers instead of waiting for them')
    .action((names: string[], own: { hard?: boolean; now?: boolean }, command: Command) => {
      const options = { isHard: own.hard === true, isNow: own.now === true };
      return run(
        async (request) => (await import('./restart.ts')).restart(names, options, request),
        optionsOf(command),
      );
    });
  add('reload [pool...]', 'replace the workers by new ones without losing a request')
    .addHelpText('after', reloadHelp)
    .addOption(new Option('-c <file>', 'the configuration of the daemon'))
    .addOption(new Option('--abort', 'take a reload back, while the workers from before still drain'))
    .addOption(
      new Option('--config', 'read the configuration again and apply what has changed').conflicts('abort'),
    )
    .action((names: string[], own: { abort?: true; config?: true; c?: string }, command: Command) => {
      const { config: _, ...common } = optionsOf(command);
      const config = own.c ?? root.opts<CommonOptions>().config;
      const what = own.abort ? 'abort' : own.config ? 'config' : 'workers';
      return run(
        async (request) => (await import('./reload.ts')).reload(names, what, request),
        config === undefined ? common : { ...common, config },
      );
    });
  addConfigured('scale <pool>', 'change the number of workers of a pool')
    .addHelpText('after', scaleHelp)
    .argument('<workers>', 'how many', parseCount)
    .action((pool: string, workers: number, _own: object, command: Command) =>
      run(async (request) => (await import('./scale.ts')).scale(pool, workers, request), optionsOf(command)),
    );
  addConfigured('status [pool...]', 'show the pools; exit status 0: all run, 3: one does not')
    .addHelpText('after', statusHelp)
    .option('-w, --workers', 'show every worker')
    .action((names: string[], { workers = false }: { workers?: boolean }, command: Command) =>
      run(
        async (request) => (await import('./status.ts')).status(names, { hasWorkers: workers }, request),
        optionsOf(command),
      ),
    );
  addConfigured(
    'check [file]',
    'look for problems in a configuration, load applications, start nothing; exit status 78: there are some',
  ).action((file: string | undefined, _own: object, command: Command) =>
    run(async (request) => (await import('./check.ts')).check(file, request), optionsOf(command)),
  );
  addConfigured('gateway <pool>', 'show a pool over HTTP; for development, not for production')
    .option('--http <address>', 'where to listen', '127.0.0.1:8000')
    .option('--static <prefix=dir>', 'serve files from a folder (repeatable)', collect, [])
    .option('--param <name=value>', 'a further FastCGI parameter (repeatable)', collect, [])
    .action((pool: string, own: { http: string; static: string[]; param: string[] }, command: Command) =>
      run(async (request) => (await import('./gateway.ts')).gateway(pool, own, request), optionsOf(command)),
    );
  root.addHelpText('after', ({ error }) => (error ? explainNoHelp(root.args) : ''));
  return root;
}

/** Of a command that there is not, commander shows the help for all, and does not say why. */
function explainNoHelp([help, name]: readonly string[]): string {
  if (help !== 'help' || name === undefined) return '';
  return `\nfcgictl: ${explainMistake(`unknown command '${name}'`)}`;
}

function addCommonOptions(command: Command): Command {
  return command
    .option('-s, --socket <path>', 'the control socket of the daemon; no configuration is read')
    .option('-j, --json', 'print JSON')
    .option('-t, --timeout <duration>', 'how long to wait, such as 30s or 5m', parseTimeout);
}

function configOption(): Option {
  return new Option(
    '-c, --config <file>',
    'the configuration of the daemon (else RUNFCGID_CONFIG, else the usual one)',
  );
}

/** What a command has beyond the others comes first. */
function ownFirst(this: Help, command: Command): Option[] {
  const options = Help.prototype.visibleOptions.call(this, command);
  const isCommon = ({ long }: Option): boolean => commonFlags.includes(long ?? '');
  return [...options.filter((option) => !isCommon(option)), ...options.filter(isCommon)];
}

/** Every command has options: saying so for each says nothing. */
function termOf(command: Command): string {
  const words = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...words].join(' ');
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
