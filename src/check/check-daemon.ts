import { dirname } from 'node:path';
import type { DaemonPlan } from '../plan/plan.ts';
import type { CheckFinding } from './finding.ts';
import type { CheckReaders } from './readers.ts';

/** The directories and files of the daemon itself. */
export function checkDaemon(daemon: DaemonPlan, readers: CheckReaders): readonly CheckFinding[] {
  const places = [
    { key: 'daemon.runtime_dir', directory: daemon.runtimeDir },
    { key: 'daemon.control_socket', directory: dirname(daemon.controlSocket) },
    { key: 'daemon.pidfile', directory: dirname(daemon.pidfile) },
    ...(daemon.log.file === undefined
      ? []
      : [{ key: 'daemon.log_file', directory: dirname(daemon.log.file) }]),
  ];
  const distinct = places.filter(
    ({ directory }, index) => places.findIndex((place) => place.directory === directory) === index,
  );
  return [
    ...distinct.flatMap(({ key, directory }) => checkDirectory(key, directory, daemon, readers)),
    ...checkLogFile(daemon.log.file, readers),
    ...daemon.configFiles.flatMap((file) => checkConfigFile(file, readers)),
  ];
}

function checkDirectory(
  key: string,
  directory: string,
  daemon: DaemonPlan,
  readers: CheckReaders,
): readonly CheckFinding[] {
  const problem = { severity: 'problem', pool: undefined, key } as const;
  const facts = readers.stat(directory);
  if (facts === undefined) {
    const isMade = directory === daemon.runtimeDir && isCreatable(directory, readers);
    return isMade
      ? []
      : [{ ...problem, message: `the directory ${directory} does not exist`, hint: howToMake(directory) }];
  }
  if (facts.kind !== 'directory') return [{ ...problem, message: `${directory} is not a directory` }];
  if (!readers.mayAccess(directory, 'write')) {
    return [
      { ...problem, message: `${directory} is not writable for this user`, hint: howToMake(directory) },
    ];
  }
  const refusal = directory === daemon.runtimeDir ? readers.refusalOfRuntimeDir(directory) : undefined;
  return refusal === undefined ? [] : [{ ...problem, ...refusal }];
}

function checkLogFile(file: string | undefined, readers: CheckReaders): readonly CheckFinding[] {
  const refusal = file === undefined ? undefined : readers.refusalOfLog(file);
  if (refusal === undefined) return [];
  const message = `the log file ${file}: ${refusal.message}`;
  return [{ severity: 'problem', pool: undefined, key: 'daemon.log_file', message, hint: refusal.hint }];
}

/** The daemon makes its runtime directory, with those above it, where it may. */
function isCreatable(directory: string, readers: CheckReaders): boolean {
  let ancestor = dirname(directory);
  while (readers.stat(ancestor) === undefined && ancestor !== '/') ancestor = dirname(ancestor);
  return readers.stat(ancestor)?.kind === 'directory' && readers.mayAccess(ancestor, 'write');
}

function howToMake(directory: string): string {
  return `Make ${directory} for the user of the daemon, or choose another place.`;
}

/** Who may write the configuration of a daemon may run any program as its user. */
function checkConfigFile(file: string, readers: CheckReaders): readonly CheckFinding[] {
  const facts = readers.stat(file);
  if (facts === undefined || (facts.mode & 0o002) === 0) return [];
  return [
    {
      severity: 'warning',
      pool: undefined,
      key: '',
      message: `everybody may change ${file}, and so decide what runfcgid runs`,
      hint: `Try: chmod o-w ${file}`,
    },
  ];
}
