import { existsSync, readdirSync, utimesSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const perlWorker = join(import.meta.dirname, 'slow-starter.pl');

/** Every contender runs so many workers. */
export const workers = 4;

/**
 * @typedef {object} Place
 * @property {string} directory a fresh directory for everything that is written
 * @property {string} socket the Unix socket to serve on
 * @property {number} startSeconds what a worker takes to start
 */

/**
 * @typedef {object} ReloadContender
 * @property {string} name
 * @property {() => boolean} isHere
 * @property {(place: Place) => Record<string, string>} files configuration by name
 * @property {(place: Place) => string[]} command runs in the foreground
 * @property {(place: Place, pid: number) => Promise<void> | void} reload asks for new workers, as directly as it
 *   understands: no client program has to start first
 */

/** @type {readonly ReloadContender[]} */
export const reloadContenders = [
  {
    name: 'runfcgid reload',
    isHere: () => existsSync(join(root, 'dist/runfcgid.js')),
    files: ({ directory, socket, startSeconds }) => ({
      'runfcgid.toml': `
[daemon]
runtime_dir = "${directory}/run"
[pools.bench]
command = ["${perlWorker}"]
listen = "unix:${socket}"
workers = ${workers}
environment = { START_SECONDS = "${startSeconds}" }
`,
    }),
    command: ({ directory }) => [
      process.execPath,
      join(root, 'bin/runfcgid.js'),
      '--config',
      join(directory, 'runfcgid.toml'),
    ],
    reload: ({ directory }) =>
      post(join(directory, 'run/control.sock'), '/v1/pools/reload', 'application/json', '{"pools":"all"}'),
  },
  {
    name: 'supervisord restart group',
    isHere: () => existsSync('/usr/bin/supervisord'),
    files: ({ directory, socket, startSeconds }) => ({
      'supervisord.conf': `
[supervisord]
nodaemon = true
logfile = ${directory}/supervisord.log
pidfile = ${directory}/supervisord.pid
[unix_http_server]
file = ${directory}/rpc.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[fcgi-program:bench]
command = ${perlWorker}
socket = unix://${socket}
process_name = %(program_name)s_%(process_num)d
numprocs = ${workers}
environment = START_SECONDS="${startSeconds}"
`,
    }),
    command: ({ directory }) => [
      '/usr/bin/supervisord',
      '--configuration',
      join(directory, 'supervisord.conf'),
    ],
    reload: async ({ directory }) => {
      for (const method of ['stopProcessGroup', 'startProcessGroup']) {
        const call = `<methodCall><methodName>supervisor.${method}</methodName><params><param><value><string>bench</string></value></param></params></methodCall>`;
        await post(join(directory, 'rpc.sock'), '/RPC2', 'text/xml', call);
      }
    },
  },
  {
    name: 'php-fpm SIGUSR2',
    isHere: () => phpFpm() !== undefined,
    files: ({ directory, socket }) => ({
      'fpm.conf': `
[global]
daemonize = no
error_log = ${directory}/fpm.log
process_control_timeout = 10s
[bench]
user = root
group = root
listen = ${socket}
pm = static
pm.max_children = ${workers}
`,
    }),
    command: ({ directory }) => [
      `/usr/sbin/${phpFpm()}`,
      ...['--allow-to-run-as-root', '--nodaemonize', '--fpm-config', join(directory, 'fpm.conf')],
      ...['-d', 'opcache.enable=1', '-d', 'opcache.preload_user=root'],
      ...['-d', `opcache.preload=${join(import.meta.dirname, 'slow-starter-preload.php')}`],
    ],
    reload: (_place, pid) => {
      process.kill(pid, 'SIGUSR2');
    },
  },
  uwsgi('uWSGI touch-reload', ['--touch-reload']),
  uwsgi('uWSGI touch-chain-reload', ['--lazy-apps', '--touch-chain-reload']),
];

/**
 * @param {string} name
 * @param {string[]} options the last one takes the file to touch
 * @returns {ReloadContender}
 */
function uwsgi(name, options) {
  return {
    name,
    isHere: () => existsSync('/usr/bin/uwsgi-core'),
    files: () => ({ trigger: '' }),
    command: ({ directory, socket }) => [
      '/usr/bin/uwsgi-core',
      ...['--plugin', 'python3', '--master', '--die-on-term', '--disable-logging'],
      ...['--fastcgi-socket', socket, '--processes', String(workers)],
      ...['--wsgi-file', join(import.meta.dirname, 'slow_starter.py')],
      ...[...options, join(directory, 'trigger')],
    ],
    reload: ({ directory }) => {
      const now = new Date();
      utimesSync(join(directory, 'trigger'), now, now);
    },
  };
}

function phpFpm() {
  return readdirSync('/usr/sbin').find((name) => /^php-fpm\d/.test(name));
}

/**
 * @param {string} socketPath
 * @param {string} path
 * @param {string} type
 * @param {string} body
 * @returns {Promise<void>} resolves when the answer is complete
 */
function post(socketPath, path, type, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: 'POST', headers: { 'content-type': type } });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      let answer = '';
      incoming.on('data', (chunk) => {
        answer += chunk;
      });
      incoming.on('end', () => {
        if (incoming.statusCode === 200 && !/"isDone":false|<fault>/.test(answer)) resolve();
        else reject(new Error(`${path}: ${incoming.statusCode} ${answer}`));
      });
    });
    outgoing.end(body);
  });
}
