import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { get } from './ask.js';
import { daemonConfig } from './engine-contenders.js';

const root = join(import.meta.dirname, '..');
const phpScript = join(import.meta.dirname, 'respawn.php');
const phpFpm = readdirSync('/usr/sbin').find((name) => /^php-fpm\d/.test(name)) ?? 'php-fpm';

const asksDjango = {
  who: get('/worker.json'),
  busy: (/** @type {number} */ seconds) => get(`/slow/?seconds=${seconds}`),
};

/**
 * @typedef {import('./engine-contenders.js').EngineContender} EngineContender
 * @typedef {EngineContender & {
 *   who: Record<string, string>,
 *   busy: (seconds: number) => Record<string, string>,
 * }} DjangoContender `who` asks for the `"pid"` of the worker, `busy` keeps one busy
 */

/**
 * @param {number} workers
 * @returns {readonly DjangoContender[]} all with the demo's Django site
 */
export function djangoContenders(workers) {
  return [
    runfcgid('runfcgid, preload = true', workers, true),
    runfcgid('runfcgid, preload = false', workers, false),
    uwsgi('uWSGI', workers, []),
    uwsgi('uWSGI --lazy-apps', workers, ['--lazy-apps']),
  ];
}

/**
 * php-fpm with a script that tells its pid or sleeps.
 *
 * @param {number} workers
 * @returns {DjangoContender}
 */
export function phpContender(workers) {
  const params = (/** @type {string} */ url) => ({ ...get(url), SCRIPT_FILENAME: phpScript });
  return {
    name: 'php-fpm',
    needs: join('/usr/sbin', phpFpm),
    from: 'Debian: php-fpm',
    who: params('/'),
    busy: (seconds) => params(`/?seconds=${seconds}`),
    start: (_site, socket, directory) => ({
      files: {
        'fpm.conf': `
[global]
daemonize = no
error_log = ${directory}/fpm.log
[bench]
user = root
group = root
listen = ${socket}
pm = static
pm.max_children = ${workers}
`,
      },
      command: [
        join('/usr/sbin', phpFpm),
        ...['--allow-to-run-as-root', '--nodaemonize', '--fpm-config', join(directory, 'fpm.conf')],
      ],
    }),
  };
}

/**
 * @param {string} name
 * @param {number} workers
 * @param {boolean} preload
 * @returns {DjangoContender}
 */
function runfcgid(name, workers, preload) {
  return {
    ...asksDjango,
    name,
    needs: join(root, 'dist/runfcgid.js'),
    from: 'npm run build',
    start: (site, socket, directory) => ({
      files: { 'runfcgid.toml': daemonConfig(site, { socket, directory, workers, preload }) },
      command: [
        process.execPath,
        join(root, 'bin/runfcgid.js'),
        '--config',
        join(directory, 'runfcgid.toml'),
      ],
    }),
  };
}

/**
 * @param {string} name
 * @param {number} workers
 * @param {string[]} options
 * @returns {DjangoContender}
 */
function uwsgi(name, workers, options) {
  return {
    ...asksDjango,
    name,
    needs: '/usr/lib/uwsgi/plugins/python3_plugin.so',
    from: 'Debian: uwsgi-core uwsgi-plugin-python3',
    start: (site, socket) => ({
      command: [
        '/usr/bin/uwsgi-core',
        ...['--plugin', 'python3', '--master', '--die-on-term', '--disable-logging', ...options],
        ...['--fastcgi-socket', socket, '--processes', String(workers), '--module', site.module],
      ],
    }),
  };
}
