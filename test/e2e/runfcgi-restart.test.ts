import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository } from '../helpers/daemon.ts';
import { systemPython } from '../helpers/demo-site.ts';
import { writeDjangoProject } from '../helpers/django-project.ts';
import { freePort } from '../helpers/free-port.ts';
import { startNginx } from '../helpers/nginx.ts';
import { mustFinish } from '../helpers/program.ts';
import { SteadyLoad } from '../helpers/steady-load.ts';
import { until } from '../helpers/until.ts';
import { Workspace } from '../helpers/workspace.ts';

const restarts = 3;
const clients = 8;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.close());

/** The script of chapter 12 of the Django Book; only the word for the command is another one, and its words. */
function writeScript(address: string): string {
  const path = workspace.write(
    'restart.sh',
    `#!/bin/bash

# Replace these three settings.
PROJDIR="${writeDjangoProject(workspace)}"
PIDFILE="$PROJDIR/mysite.pid"
RUNFCGI="${process.execPath} ${repository}/bin/runfcgid.js runfcgi"

cd $PROJDIR
if [ -f $PIDFILE ]; then
    kill \`cat -- $PIDFILE\`
    rm -f -- $PIDFILE
fi

exec /usr/bin/env - \\
  PYTHONPATH="../python:.." PYTHONDONTWRITEBYTECODE=1 \\
  $RUNFCGI ${address} pidfile=$PIDFILE python=${systemPython} maxspare=2 runtime_dir=../run
`,
  );
  chmodSync(path, 0o755);
  return path;
}

const pidfile = (): string => workspace.file('project/mysite.pid');
const readPid = (): number => Number(readFileSync(pidfile(), 'utf8'));
const daemons = (): readonly number[] =>
  workspace.processes().flatMap(({ pid, command }) => (command.includes('runfcgid.js') ? [pid] : []));

async function stop(): Promise<void> {
  if (existsSync(pidfile())) process.kill(readPid(), 'SIGTERM');
  await until(() => daemons().length === 0);
}

describe("the book's restart script", () => {
  test.each(['a Unix socket', 'a port'])('loses no request of a site on %s', async (kind) => {
    const port = await freePort();
    const isUnix = kind === 'a Unix socket';
    const script = writeScript(isUnix ? 'socket=../mysite.sock' : `host=127.0.0.1 port=${port}`);
    workspace.onClose(stop);
    await mustFinish([script]);
    const upstream = isUnix ? `unix:${workspace.file('mysite.sock')}` : `127.0.0.1:${port}`;
    const load = new SteadyLoad({ nginx: await startNginx(workspace, upstream), clients });
    workspace.onClose(() => load.stop());
    await load.goOn(100);
    const pids = [readPid()];
    for (let round = 0; round < restarts; round += 1) {
      // One request is in flight that takes longer than the restart.
      await mustFinish([script]);
      pids.push(readPid());
      await load.goOn(100);
    }
    expect(new Set(pids).size).toBe(restarts + 1);
    await until(() => daemons().length === 1);
    const tally = await load.stop();
    expect([Object.keys(tally), load.complaints]).toEqual([['ok'], []]);
  });
});
