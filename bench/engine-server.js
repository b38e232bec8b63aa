import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const patienceMs = 30_000;
const stopTimeoutMs = 10_000;

/**
 * Starts a contender with a site, in a directory made for it, and waits for its socket there, `app.sock`.
 *
 * @param {import('./engine-contenders.js').EngineContender} contender
 * @param {import('./engine-contenders.js').Site} site
 * @param {string} directory
 */
export async function startServer(contender, site, directory) {
  await mkdir(join(directory, 'data'), { recursive: true });
  const socket = join(directory, 'app.sock');
  const { command, files = {} } = contender.start(site, socket, directory);
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: site.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PYTHONPATH: join(import.meta.dirname, '../python'),
      PYTHONDONTWRITEBYTECODE: '1',
      MYSITE_DATA: join(directory, 'data'),
    },
  });
  /** @type {Buffer[]} */
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  };
  const endMs = performance.now() + patienceMs;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || performance.now() > endMs) {
      await stop();
      throw new Error(`${contender.name} does not serve ${site.name}:\n${Buffer.concat(output)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { pid: Number(child.pid), stop };
}
