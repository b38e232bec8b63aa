import { describeError, exitStatus, RunfcgidError } from './errors.ts';
import { systemClock } from './host/clock.ts';
import { findLauncher, type Launcher, launchDetached } from './host/daemonize.ts';
import { readVersion } from './host/version.ts';
import { type DaemonOptions, parseCommandLine, usage } from './main/command-line.ts';
import { Daemon } from './main/daemon.ts';
import { InheritedSockets } from './sockets/inherited.ts';

/** How long a daemonized start may take until every pool has had its first verdict. */
const launchTimeoutMs = 120_000;

process.exit(await main(process.argv.slice(2), findLauncher(process.env)));

async function main(words: readonly string[], launcher: Launcher | undefined): Promise<number> {
  try {
    const options = parseCommandLine(words);
    if (options.wantsHelp) return print(usage);
    if (options.wantsVersion) return print(`runfcgid ${readVersion()}\n`);
    if (options.isDaemonized && launcher === undefined) return await daemonize();
    return await serve(options, launcher);
  } catch (error) {
    launcher?.failed(error);
    return complain(error);
  }
}

async function serve(options: DaemonOptions, launcher: Launcher | undefined): Promise<number> {
  const daemon = await Daemon.open({
    configFile: options.configFile,
    isDaemonized: launcher !== undefined,
    environment: process.env,
    clock: systemClock,
    inherited: InheritedSockets.take(process.env),
  });
  const problems = await daemon.firstVerdicts();
  launcher?.ready(problems);
  await daemon.ended;
  return exitStatus.ok;
}

async function daemonize(): Promise<number> {
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
