import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

const program = '/usr/sbin/nginx';

export function isNginxHere() {
  return existsSync(program);
}

/** @typedef {{ from: string, path: string, socket: string }} Route the web server's path, the application's, its socket */

/**
 * One nginx with one process in front of all contenders: it keeps what passes through it in memory, and writes no log.
 *
 * @param {string} directory
 * @param {readonly Route[]} routes
 */
export async function startNginx(directory, routes) {
  const port = await freePort();
  await mkdir(directory);
  const config = join(directory, 'nginx.conf');
  await writeFile(config, configText(directory, port, routes));
  const server = spawn(program, ['-p', directory, '-c', config, '-e', join(directory, 'error.log')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(server, 'exit');
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.kill('SIGTERM');
      await exited;
    },
  };
}

/**
 * @param {string} directory
 * @param {number} port
 * @param {readonly Route[]} routes
 */
function configText(directory, port, routes) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
events { worker_connections 1024; }
http {
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  access_log off;
  keepalive_requests 1000000;
  client_max_body_size 2m;
  client_body_buffer_size 2m;
  fastcgi_buffers 40 32k;
  fastcgi_buffer_size 32k;
  fastcgi_busy_buffers_size 512k;
  fastcgi_param QUERY_STRING $query_string;
  fastcgi_param REQUEST_METHOD $request_method;
  fastcgi_param CONTENT_TYPE $content_type;
  fastcgi_param CONTENT_LENGTH $content_length;
  fastcgi_param SCRIPT_NAME "";
  fastcgi_param PATH_INFO $uri;
  fastcgi_param REQUEST_URI $uri;
  fastcgi_param DOCUMENT_URI $uri;
  fastcgi_param DOCUMENT_ROOT $document_root;
  fastcgi_param SERVER_PROTOCOL $server_protocol;
  fastcgi_param REQUEST_SCHEME $scheme;
  fastcgi_param HTTPS $https if_not_empty;
  fastcgi_param GATEWAY_INTERFACE CGI/1.1;
  fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
  fastcgi_param REMOTE_ADDR $remote_addr;
  fastcgi_param REMOTE_PORT $remote_port;
  fastcgi_param SERVER_ADDR $server_addr;
  fastcgi_param SERVER_PORT $server_port;
  fastcgi_param SERVER_NAME $server_name;
  server {
    listen 127.0.0.1:${port};
    server_name localhost;
${routes.map(location).join('\n')}
  }
}
`;
}

/**
 * The rewrite makes `$uri` the application's path.
 *
 * @param {Route} route
 */
function location({ from, path, socket }) {
  return `    location = ${from} {
      rewrite ^ ${path} break;
      fastcgi_pass unix:${socket};
    }`;
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
