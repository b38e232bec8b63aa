import { join } from 'node:path';
import type { ControlClient } from '../control/client.ts';
import { RunfcgidError } from '../errors.ts';
import { launchDetached } from '../host/daemonize.ts';
import { packageRoot } from '../host/package-root.ts';
import type { PoolVerb } from '../pools/commands.ts';
import { findDaemon } from './control-socket.ts';
import { reportOutcomes } from './outcomes.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

/**
 * Starts or restarts pools, all when none is named, and starts the daemon first where none answers. Returns the
 * exit status.
 */
export async function runOnDaemon(
  verb: Extract<PoolVerb, 'start' | 'restart'>,
  names: readonly string[],
  request: CtlRequest,
): Promise<number> {
  const pools = names.length === 0 ? 'all' : names;
  const onProgress = request.terminal.progress.bind(request.terminal);
  const client = await findDaemon(request, request.timeoutMs ?? defaultWorkTimeoutMs);
  try {
    return reportOutcomes(await client.run(verb, pools, onProgress), request);
  } catch (error) {
    if (!isNotRunning(error) || request.socketPath !== undefined) throw error;
  }
  await launchDaemon(client, pools, request);
  return reportOutcomes(await client.run('start', pools, onProgress), request);
}

/** The client is its own launcher: what the daemon says about a failed start arrives here as it was raised. */
async function launchDaemon(
  client: ControlClient,
  pools: readonly string[] | 'all',
  { configFile, timeoutMs, terminal, clock }: CtlRequest,
): Promise<void> {
  terminal.announce('starting the daemon');
  const { problems } = await launchDetached({
    argv: [
      join(packageRoot(), 'bin', 'runfcgid.js'),
      '--daemonize',
      ...(configFile === undefined ? [] : ['--config', configFile]),
    ],
    environment: process.env,
    timeoutMs: timeoutMs ?? defaultWorkTimeoutMs,
    clock,
  });
  // Somebody may have stopped it in between; then that is what the operator hears.
  await client.status();
  if (pools !== 'all' && problems.length > 0) terminal.complain(problems.join('\n'));
}

/** True when the daemon is simply not there. */
export function isNotRunning(error: unknown): boolean {
  return error instanceof RunfcgidError && error.code === 'DAEMON_NOT_RUNNING';
}
