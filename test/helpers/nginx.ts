import { spawn } from 'node:child_process';
import { connect, type NetConnectOpts } from 'node:net';
import { repository } from './daemon.ts';
import { freePort } from './free-port.ts';
import { collect, ended } from './program.ts';
import { until } from './until.ts';
import type { Workspace } from './workspace.ts';

export interface Nginx {
  /** Without a slash at its end. */
  readonly url: string;
  /** Request options: how to get there, where that is not by the URL. */
  readonly route: { readonly socketPath?: string };
}

/** What a FastCGI program is told of a request; the site is at the root of the server (SCRIPT_NAME is empty). */
const siteParams = `
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param SCRIPT_NAME "";
      fastcgi_param PATH_INFO $fastcgi_script_name;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param SERVER_NAME $server_name;
      fastcgi_param SERVER_PORT $server_port;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param HTTPS $https if_not_empty;`;

/**
 * A real nginx in front of a FastCGI address as nginx writes it (`unix:/path`, `127.0.0.1:9000`), on a free port of
 * its own, with everything it writes in the workspace. It serves the demo's static files itself.
 */
export async function startNginx(workspace: Workspace, upstream: string, moreParams = ''): Promise<Nginx> {
  const port = await freePort();
  const name = `nginx-${port}`;
  const config = workspace.write(`${name}/nginx.conf`, configText(`127.0.0.1:${port}`, upstream, moreParams));
  const server = spawn('nginx', ['-p', workspace.file(name), '-c', config, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const complaints = collect(server.stderr);
  workspace.onClose(async () => {
    server.kill('SIGQUIT');
    await ended(server, 60_000);
  });
  await until(() => {
    if (server.exitCode !== null) throw new Error(`nginx ended: ${complaints()}`);
    return isAccepting({ port, host: '127.0.0.1' });
  });
  return { url: `http://127.0.0.1:${port}`, route: {} };
}

/**
 * The same in another network namespace, which the words before a command lead to. Its clients come by a Unix socket, which
 * both namespaces see.
 */
export async function startNginxApart(
  workspace: Workspace,
  upstream: string,
  [entry, ...words]: readonly [string, ...string[]] = ['unshare', '--net'],
): Promise<Nginx> {
  const socketPath = workspace.file('nginx.sock');
  const config = workspace.write('apart/nginx.conf', configText(`unix:${socketPath}`, upstream, ''));
  const command = ['nginx', '-p', workspace.file('apart'), '-c', config, '-e', 'stderr'];
  const server = spawn(entry, [...words, ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
  const complaints = collect(server.stderr);
  workspace.onClose(async () => {
    server.kill('SIGQUIT');
    await ended(server, 60_000);
  });
  await until(() => {
    if (server.exitCode !== null) throw new Error(`nginx ended: ${complaints()}`);
    return isAccepting({ path: socketPath });
  });
  return { url: 'http://localhost', route: { socketPath } };
}

/** @param listen as nginx writes it */
function configText(listen: string, upstream: string, moreParams: string): string {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
${user}
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  client_max_body_size 200m;
  ${folders.map((folder) => `${folder}_temp_path ${folder};`).join('\n  ')}
  server {
    listen ${listen};
    location /static/ { alias ${repository}/demo/static/; }
    location / {
      fastcgi_pass ${upstream};
      fastcgi_read_timeout 60s;${siteParams}
      ${moreParams}
    }
  }
}
`;
}

function isAccepting(options: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(options);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
