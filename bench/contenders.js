import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const worker = join(root, 'test/fixtures/answers');

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {() => boolean} isHere
 * @property {(directory: string) => { files: Record<string, string>, command: string[], socket: string }} prepare
 *   everything in a fresh directory: configuration files by name, the command, and the socket it opens
 */

/** Supervisors that start the same Perl worker on a Unix socket, in the foreground. */
export const contenders = /** @type {readonly Contender[]} */ ([
  {
    name: 'runfcgid',
    isHere: () => existsSync(join(root, 'dist/runfcgid.js')),
    prepare: (directory) => ({
      files: {
        'runfcgid.toml': `
[daemon]
runtime_dir = "${directory}/run"

[pools.perl]
command = ["${worker}"]
listen = "unix:${directory}/app.sock"
`,
      },
      command: [
        process.execPath,
        join(root, 'bin/runfcgid.js'),
        '--config',
        join(directory, 'runfcgid.toml'),
      ],
      socket: join(directory, 'app.sock'),
    }),
  },
  {
    name: 'supervisord',
    isHere: () => existsSync('/usr/bin/supervisord'),
    prepare: (directory) => ({
      files: {
        'supervisord.conf': `
[supervisord]
nodaemon = true
logfile = ${directory}/supervisord.log
pidfile = ${directory}/supervisord.pid

[fcgi-program:perl]
command = ${worker}
socket = unix://${directory}/app.sock
`,
      },
      command: ['/usr/bin/supervisord', '--configuration', join(directory, 'supervisord.conf')],
      socket: join(directory, 'app.sock'),
    }),
  },
]);
