import { ControlClient } from '../control/client.ts';
import { RunfcgidError } from '../errors.ts';
import type { CtlRequest } from './request.ts';

/**
 * The client for the daemon that the command line means: `--socket`, or the one of the configuration. Without
 * any configuration it is the usual place, where a daemon started from a command line listens. The pools of the
 * configuration may be broken.
 *
 * @throws RunfcgidError CONFIG_… when the configuration that was asked for does not tell.
 */
export async function findDaemon(request: CtlRequest, timeoutMs: number): Promise<ControlClient> {
  const socketPath = request.socketPath ?? (await configuredSocket(request.configFile));
  return new ControlClient({ socketPath, timeoutMs, clock: request.clock });
}

/** True when the daemon is simply not there. */
export function isNotRunning(error: unknown): error is RunfcgidError {
  return error instanceof RunfcgidError && error.code === 'DAEMON_NOT_RUNNING';
}

/**
 * Says where it was looked for, because another configuration or user means another place, and whether workers of a
 * daemon that was killed go on without it.
 */
export function notRunning({ message }: RunfcgidError, orphans: number): string {
  const said = `runfcgid is not running: ${message}`;
  if (orphans === 0) return said;
  const workers = orphans === 1 ? '1 worker' : `${orphans} workers`;
  return `${said}\n${workers} of a daemon that was killed still serve; "fcgictl start" replaces them.`;
}

async function configuredSocket(configFile: string | undefined): Promise<string> {
  const { defaultDaemonPlan, loadDaemonPlan } = await import('../plan/load-daemon.ts');
  try {
    return (await loadDaemonPlan({ configFile })).controlSocket;
  } catch (error) {
    const isUnasked = configFile === undefined && !process.env['RUNFCGID_CONFIG'];
    if (!(isUnasked && error instanceof RunfcgidError && error.code === 'CONFIG_NOT_FOUND')) throw error;
    return (await defaultDaemonPlan()).controlSocket;
  }
}
