import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { delimiter, isAbsolute, resolve } from 'node:path';
import { describeError, RunfcgidError } from '../errors.ts';
import { readBeginning } from '../host/whole-text.ts';
import type { WorkerPlan } from '../plan/plan.ts';

/** Where execvp(3) looks when the environment has no PATH. */
const defaultPath = '/bin:/usr/bin';

/** The kernel reads no more of a script's first line (execve(2), BINPRM_BUF_SIZE). */
const longestShebang = 256;

/**
 * The absolute path of the program that a plan runs, after a look at everything that execve(2) would answer with the
 * same bare ENOENT or EACCES.
 *
 * @throws RunfcgidError SPAWN_FAILED that names the directory, the program or the script's interpreter.
 */
export function findProgram({ argv: [name], directory, environment }: WorkerPlan): string {
  checkDirectory(directory);
  if (name.includes('/')) return checkProgram(isAbsolute(name) ? name : resolve(directory, name));
  const path = environment['PATH'] ?? defaultPath;
  return checkProgram(searchPath(name, path, directory));
}

function checkDirectory(directory: string): void {
  const stats = look(directory, `the working directory "${directory}"`);
  if (stats === undefined) {
    throw failure(
      `the working directory "${directory}" does not exist`,
      'Create it, or correct "directory".',
    );
  }
  if (!stats.isDirectory()) throw failure(`the working directory "${directory}" is not a directory`);
}

function searchPath(name: string, path: string, directory: string): string {
  const candidates = path.split(delimiter).map((folder) => resolve(directory, folder, name));
  const existing = candidates.filter((candidate) => isFile(candidate));
  const found = existing.find(isExecutable) ?? existing[0];
  if (found !== undefined) return found;
  throw failure(
    `there is no program "${name}" in the worker's PATH (${path})`,
    'Install it, write its full path, or extend PATH in "environment".',
  );
}

function checkProgram(program: string): string {
  const stats = look(program, `the program "${program}"`);
  if (stats === undefined) throw failure(`the program "${program}" does not exist`);
  if (!stats.isFile()) throw failure(`"${program}" is not a file that can be run`);
  if (!isExecutable(program)) {
    throw failure(`the program "${program}" is not executable`, `Try: chmod +x ${program}`);
  }
  checkInterpreter(program);
  return program;
}

function checkInterpreter(script: string): void {
  const interpreter = readShebang(script);
  if (interpreter === undefined || isFile(interpreter)) return;
  throw failure(
    `the script "${script}" names the interpreter ${JSON.stringify(interpreter)}, which does not exist`,
    interpreter.endsWith('\r')
      ? 'The script has the line ends of Windows; convert it, for example with dos2unix.'
      : 'Correct the first line of the script, or install the interpreter.',
  );
}

/** The interpreter in the first line of a script; `undefined` for any other file, and for one we may not read. */
function readShebang(path: string): string | undefined {
  try {
    const beginning = readBeginning(path, longestShebang);
    return /^#![ \t]*(?<interpreter>\/[^ \t\n\0]*)/.exec(beginning)?.groups?.['interpreter'];
  } catch {
    return undefined;
  }
}

function look(path: string, what: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new RunfcgidError('SPAWN_FAILED', `${what} cannot be looked at: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function failure(message: string, hint?: string): RunfcgidError {
  return new RunfcgidError('SPAWN_FAILED', message, hint === undefined ? {} : { hint });
}
