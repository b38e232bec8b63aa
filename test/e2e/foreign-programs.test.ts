import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readProcess } from '../../src/host/process-table.ts';
import { repository, TestDaemon, writeConfig } from '../helpers/daemon.ts';
import { ask } from '../helpers/http-client.ts';
import { startNginx } from '../helpers/nginx.ts';
import { mustFinish } from '../helpers/program.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const fixtures = `${repository}/test/fixtures`;

const programs = [
  {
    name: 'php-cgi',
    command: async (_: Workspace): Promise<string> => 'php-cgi',
    params: `fastcgi_param SCRIPT_FILENAME ${fixtures}/answers.php;`,
  },
  {
    name: 'a Perl program',
    command: async (_: Workspace): Promise<string> => `${fixtures}/answers`,
    params: '',
  },
  {
    name: 'a C program on libfcgi',
    command: async (workspace: Workspace): Promise<string> => {
      const program = workspace.file('libfcgi');
      await mustFinish(['gcc', '-o', program, `${fixtures}/answers.c`, '-lfcgi']);
      return program;
    },
    params: '',
  },
];

describe.each(programs)('$name behind nginx', ({ command, params }) => {
  let workspace: Workspace;
  let daemon: TestDaemon;
  let url: string;

  beforeEach(async () => {
    workspace = new Workspace();
    const socket = `unix:${workspace.file('app.sock')}`;
    const pool = `[pools.app]\ncommand = ["${await command(workspace)}"]\nlisten = "${socket}"\nworkers = 2`;
    daemon = await TestDaemon.start(workspace, writeConfig(workspace, pool));
    ({ url } = await startNginx(workspace, socket, params));
  });

  afterEach(() => workspace.close());

  /** The pid that a worker writes at the beginning of its answer. */
  async function servingPid(): Promise<number> {
    const { status, body } = await ask(`${url}/some/where?a=b`);
    const [pid, ...words] = body.toString().trim().split(' ');
    expect([status, words]).toEqual([200, ['GET', '/some/where?a=b']]);
    return Number(pid);
  }

  test('is served by the workers that status names', async () => {
    expect(await daemon.workerPids('app')).toContain(await servingPid());
    expect((await daemon.fcgictl('status')).status).toBe(0);
  });

  test('is replaced after a kill -9, and the request that waited meanwhile is answered', async () => {
    const old = await daemon.workerPids('app');
    // Stopped first: no worker can take the request that is about to come. A signal takes its time on a busy machine.
    for (const pid of old) process.kill(pid, 'SIGSTOP');
    await until(() => old.every((pid) => readProcess(pid)?.state === 'T'));
    const waiting = servingPid();
    await until(async () => (await daemon.pool('app')).queued === 1);
    for (const pid of old) process.kill(pid, 'SIGKILL');
    expect(old).not.toContain(await waiting);
    const pool = await until(async () => {
      const found = await daemon.pool('app');
      return found.workersReady === 2 && found.restarts === 2 ? found : undefined;
    });
    expect(pool.state).toBe('running');
    expect(pool.lastExit?.reason).toMatch(/^killed by SIGKILL after .* perhaps out of memory/);
  });

  test('leaves no process and no socket when it is stopped, and comes back', async () => {
    const pids = await daemon.workerPids('app');
    const stopped = await daemon.fcgictl('stop', 'app');
    expect(stopped).toMatchObject({ status: 0, stdout: 'app: stopped\n' });
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(existsSync(workspace.file('app.sock'))).toBe(false);
    expect((await ask(url)).status).toBe(502);
    expect((await daemon.fcgictl('status')).status).toBe(3);
    expect((await daemon.fcgictl('start', 'app')).stdout).toBe('app: running with 2 workers\n');
    expect(await daemon.workerPids('app')).toContain(await servingPid());
  });

  test('ends with the daemon, which leaves nothing', async () => {
    expect((await daemon.fcgictl('stop')).stdout).toBe('app: stopped\nrunfcgid has ended\n');
    expect(await daemon.ended()).toBe(0);
    // Only the web server is left.
    expect(workspace.filesLeft()).toEqual([expect.stringMatching(/\/nginx\.pid$/)]);
    expect(workspace.processes().filter(({ command }) => !command.startsWith('nginx'))).toEqual([]);
  });
});
