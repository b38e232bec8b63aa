import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { type ConfigFiles, systemFiles } from '../config/files.ts';
import { type Accounts, accountsFrom } from '../host/accounts.ts';
import { readGuardedText } from '../host/guarded-files.ts';
import { packageRoot } from '../host/package-root.ts';

/** Everything beside the configuration that a plan depends on; tests bring their own. */
export interface Surroundings {
  readonly files: ConfigFiles;
  /**
   * The text of a file that the user of a site may have put there (host/file-trust.ts), 1 MiB at most.
   *
   * @throws RunfcgidError DAEMON_FILE_FAILED when it is refused, or the system's error.
   */
  readonly readGuarded: (path: string) => string;
  readonly accounts: Accounts;
  /** The daemon's own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly home: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly isExecutable: (path: string) => boolean;
  /** The name of each listening socket that systemd passed to the daemon. */
  readonly inheritedNames: readonly string[];
  /** The folder that holds the Python package `runfcgi`. */
  readonly engineDirectory: string;
}

/** Half of what a program usually gets as arguments and environment together (execve(2)). */
const mostGuardedBytes = 1024 * 1024;

export function systemSurroundings(inheritedNames: readonly string[] = []): Surroundings {
  return {
    files: systemFiles,
    readGuarded: (path) => readGuardedText(path, mostGuardedBytes),
    accounts: accountsFrom(),
    environment: process.env,
    workingDirectory: process.cwd(),
    home: homedir(),
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
    isExecutable,
    inheritedNames,
    engineDirectory: `${packageRoot()}/python`,
  };
}

function isExecutable(path: string): boolean {
  try {
    const facts = statSync(path);
    return facts.isFile() && (facts.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}
