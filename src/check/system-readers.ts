import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { describeError } from '../errors.ts';
import { refusalOfDirectory, refusalOfLog } from '../host/guarded-files.ts';
import { refusalOfRuntimeDir } from '../host/runtime-dir.ts';
import { readBeginning } from '../host/whole-text.ts';
import { describeOwners, whoListens } from '../sockets/listeners.ts';
import { findProgram } from '../workers/program.ts';
import type { AccessRight, CheckReaders, FileFacts } from './readers.ts';
import { runAs } from './run-as.ts';

const accessBits = { read: constants.R_OK, write: constants.W_OK, execute: constants.X_OK } as const;

export const systemReaders: CheckReaders = {
  stat: statFile,
  mayAccess,
  firstLine,
  findProgram,
  runAs,
  whoListens: (address) => whoListens(address),
  describeOwners,
  bindProblem,
  livingPid,
  refusalOfLog,
  refusalOfDirectory,
  refusalOfRuntimeDir,
};

function statFile(path: string): FileFacts | undefined {
  try {
    const stats = statSync(path);
    return { kind: kindOf(stats), mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
  } catch {
    return undefined;
  }
}

function kindOf(stats: Stats): FileFacts['kind'] {
  if (stats.isDirectory()) return 'directory';
  if (stats.isFile()) return 'file';
  return stats.isSocket() ? 'socket' : 'other';
}

function mayAccess(path: string, right: AccessRight): boolean {
  try {
    accessSync(path, accessBits[right]);
    return true;
  } catch {
    return false;
  }
}

function firstLine(path: string): string {
  try {
    return readBeginning(path, 256).split('\n')[0] ?? '';
  } catch {
    return '';
  }
}

function bindProblem(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', (error) => resolve(describeError(error)));
    server.listen({ host, port, exclusive: true, ipv6Only: true }, () =>
      server.close(() => resolve(undefined)),
    );
  });
}

function livingPid(pidfile: string): number | undefined {
  try {
    const pid = Number(readBeginning(pidfile, 100).trim());
    return Number.isInteger(pid) && pid > 0 && mayAccess(`/proc/${pid}`, 'read') ? pid : undefined;
  } catch {
    // No daemon has run here.
    return undefined;
  }
}
