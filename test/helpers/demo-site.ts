import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { repository } from './daemon.ts';
import { mustFinish } from './program.ts';
import type { Workspace } from './workspace.ts';

export const systemPython = '/usr/bin/python3';
export const demoDirectory = `${repository}/demo`;

/** What the demo needs to know in its environment to write into the workspace alone. */
export function demoEnvironment(workspace: Workspace): Readonly<Record<string, string>> {
  return { MYSITE_DATA: workspace.file('site'), PYTHONDONTWRITEBYTECODE: '1' };
}

/** Makes the demo's database in the workspace. */
export async function migrateDemo(workspace: Workspace): Promise<void> {
  await mustFinish([systemPython, 'manage.py', 'migrate', '--settings=settings.production'], {
    cwd: demoDirectory,
    environment: { ...process.env, ...demoEnvironment(workspace) },
  });
}

/** The demo as a pool named `mysite`; `django` holds further settings of its table. */
export function demoPool(workspace: Workspace, listen: string, django: string, more = ''): string {
  const environment = Object.entries(demoEnvironment(workspace)).map(
    ([name, value]) => `${name} = "${value}"`,
  );
  return `
[pools.mysite]
directory = "${demoDirectory}"
django = { settings = "settings.production", python = "${systemPython}", ${django} }
listen = "${listen}"
environment = { ${environment.join(', ')} }
${more}
`;
}

export interface Download {
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Fetches a body of any length without keeping it. */
export async function download(url: string, onChunk: () => void): Promise<Download> {
  const outgoing = request(url, { agent: false }).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    onChunk();
  }
  return { status: incoming.statusCode ?? 0, bytes, sha256: hash.digest('hex') };
}

/** What `/stream/?mb=N` must send: chunks of 64 KiB, each repeating its number in lines of 16 bytes. */
export function streamDigest(mebibytes: number): string {
  const hash = createHash('sha256');
  for (let chunk = 0; chunk < mebibytes * 16; chunk += 1) {
    hash.update(`${String(chunk).padStart(15, '0')}\n`.repeat(4_096));
  }
  return hash.digest('hex');
}

/** Resident memory of a process in MiB (proc(5), status). */
export function residentMiB(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}
