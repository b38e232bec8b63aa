import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { freePort } from './free-port.ts';
import { collect, ended } from './program.ts';
import { until } from './until.ts';
import type { Workspace } from './workspace.ts';

export interface Lighttpd {
  /** Without a slash at its end. */
  readonly url: string;
  readonly pid: number;
  /** Ends it as a service manager does. */
  stop(): Promise<void>;
}

/** A real lighttpd that starts the FastCGI program itself, once, with the listening socket as its standard input. */
export async function startLighttpd(workspace: Workspace, program: string): Promise<Lighttpd> {
  const port = await freePort();
  const config = workspace.write('lighttpd/lighttpd.conf', configText(workspace, port, program));
  const server = spawn('lighttpd', ['-D', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const complaints = collect(server.stderr);
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await ended(server, 60_000);
  };
  workspace.onClose(stop);
  const url = `http://127.0.0.1:${port}`;
  await until(() => {
    if (server.exitCode !== null) throw new Error(`lighttpd ended: ${complaints()}`);
    return isAccepting(url);
  });
  return { url, pid: Number(server.pid), stop };
}

function configText(workspace: Workspace, port: number, program: string): string {
  return `
server.modules = ("mod_fastcgi")
server.document-root = "${workspace.path}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${workspace.file('lighttpd/error.log')}"
fastcgi.server = ("/" => ((
  "bin-path" => "${program}",
  "socket" => "${workspace.file('lighttpd/site.sock')}",
  "max-procs" => 1,
  "check-local" => "disable",
  "fix-root-scriptname" => "enable",
  "kill-signal" => 15,
)))
`;
}

function isAccepting(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request(url, { method: 'OPTIONS', path: '*' });
    probe.once('response', (answer) => {
      answer.resume();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
    probe.end();
  });
}
