import { hasAddress, type RunfcgiWords } from './config/runfcgi-words.ts';
import { describeError, exitStatus, RunfcgidError } from './errors.ts';
import { systemClock } from './host/clock.ts';
import { findLauncher, type Launcher, launchDetached } from './host/daemonize.ts';
import { type CommandLine, parseCommandLine } from './main/command-line.ts';
import { Daemon } from './main/daemon.ts';
import { configSource, type PlanSource } from './main/plan-source.ts';
import { InheritedSockets } from './sockets/inherited.ts';

/** How long a daemonized start may take until every pool has had its first verdict. */
const launchTimeoutMs = 120_000;

process.exit(await main(process.argv.slice(2), findLauncher(process.env)));

async function main(words: readonly string[], launcher: Launcher | undefined): Promise<number> {
  try {
    const commandLine = parseCommandLine(words);
    if (commandLine.wants === 'text') return print(commandLine.text);
    if (commandLine.isDaemonized && launcher === undefined) return await daemonize(commandLine);
    return await serve(commandLine, launcher);
  } catch (error) {
    launcher?.failed(error);
    return complain(error);
  }
}

type Wanted = Exclude<CommandLine, { wants: 'text' }>;

async function serve(wanted: Wanted, launcher: Launcher | undefined): Promise<number> {
  const inherited = InheritedSockets.take(process.env);
  const source = await sourceOf(wanted, inherited);
  try {
    const daemon = await Daemon.open({
      source,
      isDaemonized: launcher !== undefined,
      environment: process.env,
      clock: systemClock,
      inherited,
    });
    const problems = await daemon.firstVerdicts();
    if (wanted.wants === 'site' && problems.length > 0) return await giveUp(daemon, problems, wanted.words);
    launcher?.ready(problems);
    await daemon.ended;
    return exitStatus.ok;
  } finally {
    source.succession?.release();
  }
}

/** What only a site from words needs is loaded for it. */
async function sourceOf(wanted: Wanted, { names }: InheritedSockets): Promise<PlanSource> {
  if (wanted.wants !== 'site') return configSource(wanted.configFile, names);
  const { siteSource } = await import('./main/site-source.ts');
  return siteSource(wanted.words, systemClock, names);
}

/** A site that does not come up was not started: whoever typed the words wants to know, and to try again. */
async function giveUp(daemon: Daemon, problems: readonly string[], words: RunfcgiWords): Promise<never> {
  await daemon.end();
  const hint = 'Without socket=, or host= and port=, a web server has to hand a socket over as fd 0.';
  throw new RunfcgidError('DAEMON_START_FAILED', problems.join('\n'), hasAddress(words) ? {} : { hint });
}

async function daemonize(wanted: Wanted): Promise<number> {
  if (wanted.wants === 'site') (await import('./main/site-source.ts')).announceSite(wanted.words);
  const { pid, problems } = await launchDetached({
    argv: process.argv.slice(1),
    environment: process.env,
    timeoutMs: launchTimeoutMs,
    clock: systemClock,
  });
  for (const problem of problems) process.stderr.write(`runfcgid: ${problem}\n`);
  return print(`runfcgid runs as process ${pid}\n`);
}

function print(text: string): number {
  process.stdout.write(text);
  return exitStatus.ok;
}

function complain(error: unknown): number {
  process.stderr.write(`runfcgid: ${describeError(error)}\n`);
  if (!(error instanceof RunfcgidError)) {
    process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
    return exitStatus.internal;
  }
  if (error.cause !== undefined) process.stderr.write(`  ${describeError(error.cause)}\n`);
  if (error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
  return error.exitCode;
}
