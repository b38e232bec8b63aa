import { join, resolve } from 'node:path';
import { RunfcgidError } from '../errors.ts';
import type { ConfigFiles } from './files.ts';

export interface ConfigSearch {
  /** From the command line. */
  readonly configFile?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly uid: number;
  readonly home: string;
}

/**
 * The main configuration file, absolute: the one asked for, else `RUNFCGID_CONFIG`, else the system's for root
 * and the user's own for everybody else.
 *
 * @throws RunfcgidError CONFIG_NOT_FOUND naming the places looked at.
 */
export function findConfigFile(search: ConfigSearch, files: Pick<ConfigFiles, 'exists'>): string {
  const asked = askedFor(search);
  const file = asked?.file ?? usualFile(search);
  if (files.exists(file)) return file;
  throw new RunfcgidError(
    'CONFIG_NOT_FOUND',
    asked === undefined
      ? `there is no configuration: looked for RUNFCGID_CONFIG in the environment (not set) and ${file} (does not exist)`
      : `there is no configuration file ${file} (named by ${asked.by})`,
    { hint: 'Write one (docs/configuration.md has examples), or name it with --config FILE.' },
  );
}

function askedFor(search: ConfigSearch): { file: string; by: string } | undefined {
  const fromEnvironment = search.environment['RUNFCGID_CONFIG'];
  if (search.configFile !== undefined) {
    return { file: resolve(search.workingDirectory, search.configFile), by: 'the command line' };
  }
  if (fromEnvironment === undefined || fromEnvironment === '') return undefined;
  return { file: resolve(search.workingDirectory, fromEnvironment), by: 'RUNFCGID_CONFIG' };
}

function usualFile(search: ConfigSearch): string {
  if (search.uid === 0) return '/etc/runfcgid/runfcgid.toml';
  const base = search.environment['XDG_CONFIG_HOME'] || join(search.home, '.config');
  return join(base, 'runfcgid', 'runfcgid.toml');
}
