import { resolve } from 'node:path';
import type { PoolConfig } from '../config/config.ts';
import { parseEnvironmentFile } from '../config/environment-file.ts';
import { describeError, RunfcgidError } from '../errors.ts';
import type { UserAccount } from '../host/accounts.ts';
import type { Preset } from './presets.ts';
import type { Report } from './report.ts';
import type { Surroundings } from './surroundings.ts';

/** The same for every daemon, so that a site behaves alike under systemd and in a developer's shell. */
export const workerPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * They make a FastCGI program serve one CGI request or refuse every connection of a Unix socket (libfcgi, flup);
 * the launcher drops them.
 */
const harmful = ['FCGI_FORCE_CGI', 'FCGI_WEB_SERVER_ADDRS'];

/** The environment of a pool's workers, clean of the daemon's own: later sources win. */
export function workerEnvironment(
  pool: PoolConfig,
  account: UserAccount,
  preset: Preset,
  surroundings: Surroundings,
  report: Report,
): Readonly<Record<string, string>> {
  const { settings } = pool;
  const configured = {
    ...passedOn(settings.pass_environment, surroundings),
    ...fromFiles(pool, surroundings, report),
    ...settings.environment,
  };
  for (const name of harmful.filter((each) => Object.hasOwn(configured, each))) {
    report.warn([], `sets ${name}, which is not handed on: with it a FastCGI program refuses every request`);
  }
  return {
    PATH: workerPath,
    LANG: 'C.UTF-8',
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: account.shell,
    ...preset.environment,
    ...configured,
  };
}

function passedOn(names: readonly string[], { environment }: Surroundings): Readonly<Record<string, string>> {
  const found = names.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

function fromFiles(
  pool: PoolConfig,
  surroundings: Surroundings,
  report: Report,
): Readonly<Record<string, string>> {
  const all: Record<string, string>[] = [];
  for (const written of pool.settings.environment_file ?? []) {
    const file = resolve(pool.directory, written);
    try {
      const { values, problems } = parseEnvironmentFile(surroundings.readGuarded(file));
      all.push(values);
      for (const { line, message } of problems)
        report.problem(['environment_file'], `${file}:${line}: ${message}`);
    } catch (error) {
      const hint = error instanceof RunfcgidError ? error.hint : undefined;
      const advice = hint === undefined ? {} : { hint };
      report.problem(['environment_file'], `${file} cannot be read: ${describeError(error)}`, advice);
    }
  }
  return Object.assign({}, ...all);
}
