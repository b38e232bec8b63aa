import { join, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { checkSocketPath } from './listen.ts';
import type { DaemonPlan } from './plan.ts';
import type { Report } from './report.ts';
import type { Surroundings } from './surroundings.ts';

/** The `[daemon]` table with every default filled in and every path absolute. */
export function resolveDaemon(
  config: Pick<Config, 'daemon' | 'files'>,
  surroundings: Pick<Surroundings, 'uid' | 'environment' | 'home'>,
  report: Report,
): DaemonPlan {
  const { settings, directory } = config.daemon;
  const absolute = (path: string | undefined, usual: string): string => resolve(directory, path ?? usual);
  const runtimeDir = absolute(settings.runtime_dir, defaultRuntimeDir(surroundings));
  const controlSocket = absolute(settings.control_socket, join(runtimeDir, 'control.sock'));
  checkSocketPath(
    controlSocket,
    [settings.control_socket === undefined ? 'runtime_dir' : 'control_socket'],
    report,
  );
  return {
    configFiles: config.files,
    runtimeDir,
    controlSocket,
    controlMode: settings.control_mode,
    pidfile: absolute(settings.pidfile, join(runtimeDir, 'runfcgid.pid')),
    log: {
      level: settings.log_level,
      file: settings.log_file === undefined ? undefined : resolve(directory, settings.log_file),
      format: settings.log_format,
    },
  };
}

/** Never a name below /tmp that somebody else could have made first. */
function defaultRuntimeDir({
  uid,
  environment,
  home,
}: Pick<Surroundings, 'uid' | 'environment' | 'home'>): string {
  if (uid === 0) return '/run/runfcgid';
  const runtime = environment['XDG_RUNTIME_DIR'];
  return runtime?.startsWith('/') ? join(runtime, 'runfcgid') : join(home, '.local', 'state', 'runfcgid');
}
