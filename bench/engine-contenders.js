import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const demo = join(root, 'demo');

/** The interpreter that Debian's uWSGI is built with, so that all run the application on the same one. */
export const python = '/usr/bin/python3';

export const workers = 2;

/**
 * @typedef {object} Site
 * @property {'plain' | 'django'} name
 * @property {string} directory where the module lies
 * @property {string} module the one with `application`
 * @property {string} [settings] of a Django project
 */

/** @type {Site} */
export const djangoSite = {
  name: 'django',
  directory: demo,
  module: 'mysite.wsgi',
  settings: 'settings.production',
};

/** @type {readonly Site[]} */
export const sites = [{ name: 'plain', directory: import.meta.dirname, module: 'engine_site' }, djangoSite];

/**
 * @typedef {object} EngineContender
 * @property {string} name
 * @property {string} needs a file without which it cannot run
 * @property {string} from where that file comes from
 * @property {(site: Site, socket: string, directory: string) => { command: string[], files?: Record<string, string> }} start
 *   runs in the foreground, in the site's directory; `files` are written to `directory` before
 */

/** @type {readonly EngineContender[]} */
export const engineContenders = [
  {
    name: 'runfcgi',
    needs: python,
    from: 'Debian: python3',
    start: (site, socket) => ({
      command: [python, '-m', 'runfcgi', ...applicationWords(site), `socket=${socket}`, ...prefork()],
    }),
  },
  {
    name: 'runfcgid',
    needs: join(root, 'dist/runfcgid.js'),
    from: 'npm run build',
    start: (site, socket, directory) => ({
      files: { 'runfcgid.toml': daemonConfig(site, { socket, directory, workers }) },
      command: [
        process.execPath,
        join(root, 'bin/runfcgid.js'),
        '--config',
        join(directory, 'runfcgid.toml'),
      ],
    }),
  },
  {
    name: 'uWSGI',
    needs: '/usr/lib/uwsgi/plugins/python3_plugin.so',
    from: 'Debian: uwsgi-core uwsgi-plugin-python3',
    start: (site, socket) => ({
      command: [
        '/usr/bin/uwsgi-core',
        ...['--plugin', 'python3', '--master', '--die-on-term', '--disable-logging'],
        ...['--fastcgi-socket', socket, '--processes', String(workers), '--module', site.module],
      ],
    }),
  },
  {
    name: 'bare loop',
    needs: python,
    from: 'Debian: python3',
    start: (site, socket) => ({
      command: [python, join(import.meta.dirname, 'bare_loop.py'), socket, site.module],
    }),
  },
];

/** @param {Site} site */
function applicationWords({ module, settings }) {
  return settings === undefined ? [`application=${module}`] : ['project=.', `settings=${settings}`];
}

function prefork() {
  return ['daemonize=false', ...['minspare', 'maxspare', 'maxchildren'].map((name) => `${name}=${workers}`)];
}

/**
 * @param {Site} site
 * @param {{ socket: string, directory: string, workers: number, preload?: boolean }} pool
 */
export function daemonConfig(
  { directory: siteDirectory, module, settings },
  { socket, directory, workers, preload = true },
) {
  const application =
    settings === undefined
      ? `wsgi = { application = "${module}:application", method = "prefork", python = "${python}", preload = ${preload} }`
      : `django = { settings = "${settings}", method = "prefork", python = "${python}", preload = ${preload} }`;
  return `
[daemon]
runtime_dir = "${directory}/run"

[pools.bench]
directory = "${siteDirectory}"
${application}
listen = "unix:${socket}"
workers = ${workers}
environment = { MYSITE_DATA = "${directory}/data" }
`;
}
