import { ControlClient } from '../control/client.ts';
import { RunfcgidError } from '../errors.ts';
import { type CtlRequest, defaultStatusTimeoutMs } from './request.ts';

/**
 * The client for the daemon that the command line means: `--socket`, or the one of the configuration. Without
 * any configuration it is the usual place, where a daemon started from a command line listens. The pools of the
 * configuration may be broken. Where `[daemon]` is, or the file as a whole, it is the daemon that says that it runs
 * with this file, if one does.
 *
 * @throws RunfcgidError CONFIG_… when the configuration that was asked for does not tell.
 */
export async function findDaemon(request: CtlRequest, timeoutMs: number): Promise<ControlClient> {
  const socketPath = request.socketPath ?? (await configuredSocket(request));
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
  return orphans === 0 ? said : `${said}\n${describeOrphans(orphans)}`;
}

/**
 * What `client` is asked for, by a command that has no answer of its own where no daemon runs: then the error says
 * whether workers of one that was killed go on without it.
 */
export async function askDaemon<Answer>(client: ControlClient, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    const { countOrphans } = await import('./orphans.ts');
    const orphans = await countOrphans(client.socketPath);
    if (orphans === 0) throw error;
    throw new RunfcgidError(error.code, error.message, {
      cause: error.cause,
      hint: describeOrphans(orphans),
    });
  }
}

function describeOrphans(orphans: number): string {
  const workers = orphans === 1 ? '1 worker' : `${orphans} workers`;
  return `${workers} of a daemon that was killed still serve; "fcgictl start" replaces them.`;
}

async function configuredSocket(request: CtlRequest): Promise<string> {
  const { configFile } = request;
  const { defaultDaemonPlan, loadDaemonPlan } = await import('../plan/load-daemon.ts');
  try {
    return (await loadDaemonPlan({ configFile })).controlSocket;
  } catch (error) {
    if (!(error instanceof RunfcgidError)) throw error;
    if (error.code === 'CONFIG_INVALID' || error.code === 'CONFIG_UNREADABLE') {
      return socketInSpiteOf(error, request);
    }
    const isUnasked = configFile === undefined && !process.env['RUNFCGID_CONFIG'];
    if (!(isUnasked && error.code === 'CONFIG_NOT_FOUND')) throw error;
    return (await defaultDaemonPlan()).controlSocket;
  }
}

/**
 * A mistake in the file must not lock anybody out of a site that runs. Another daemon may listen where this one is
 * looked for: only one that has read this very file, and may be believed, is meant.
 */
async function socketInSpiteOf(error: RunfcgidError, request: CtlRequest): Promise<string> {
  const { likelySockets } = await import('../plan/load-daemon.ts');
  const { file, sockets } = await likelySockets({ configFile: request.configFile });
  for (const socketPath of sockets) {
    if (!(await hasRead(file, socketPath, request))) continue;
    request.terminal.complain(
      `${error.message}\nThe daemon that runs with this file answers on ${socketPath}.`,
    );
    return socketPath;
  }
  throw new RunfcgidError(error.code, error.message, {
    hint: `${error.hint} A daemon that runs can still be reached with --socket PATH; its socket is ${sockets[0]} unless the file said something else.`,
  });
}

async function hasRead(file: string, socketPath: string, { clock }: CtlRequest): Promise<boolean> {
  try {
    if (!(await isTrusted(socketPath))) return false;
    const client = new ControlClient({ socketPath, timeoutMs: defaultStatusTimeoutMs, clock });
    const { daemon } = await client.status();
    return daemon.configFiles.includes(file);
  } catch {
    return false;
  }
}

/** Anybody can say that they have read a file: who listens is root, or the user of this command. */
async function isTrusted(socketPath: string): Promise<boolean> {
  const { examinePath } = await import('../sockets/unix-path.ts');
  const found = examinePath(socketPath);
  const uid = found.kind === 'live' ? found.listener?.uid : undefined;
  return uid !== undefined && [0, process.geteuid?.()].includes(uid);
}
