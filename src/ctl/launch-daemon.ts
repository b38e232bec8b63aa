import { join } from 'node:path';
import type { ControlClient } from '../control/client.ts';
import { launchDetached } from '../host/daemonize.ts';
import { packageRoot } from '../host/package-root.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

/**
 * Starts the daemon and waits until it is ready. The client is its own launcher: what keeps the daemon from
 * starting is raised here as it was there.
 */
export async function launchDaemon(
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
