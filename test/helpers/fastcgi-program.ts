import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SocketAddress } from '../../src/config/address.ts';
import { until } from './until.ts';

export type UnixAddress = Extract<SocketAddress, { kind: 'unix' }>;

export interface Program {
  readonly address: UnixAddress;
  readonly pid: number;
  stop(): Promise<void>;
}

const fixtures = join(import.meta.dirname, '../fixtures');
const bootTimeoutMs = 60_000;

/** Starts a real FastCGI program that opens its own socket, and waits until the socket accepts. */
export async function startProgram(
  command: (socketPath: string) => readonly string[],
  stopSignal: NodeJS.Signals = 'SIGKILL',
): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), 'fastcgi-program-'));
  const address: UnixAddress = { kind: 'unix', path: join(directory, 'app.sock') };
  const [file = '', ...args] = command(address.path);
  const child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'], env: environment() });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill(stopSignal);
    await exited;
    await rm(directory, { recursive: true });
  };
  try {
    await until(() => isAccepting(address, child), bootTimeoutMs);
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, pid: child.pid ?? 0, stop };
}

export function startPerl(): Promise<Program> {
  return startProgram((path) => ['perl', join(fixtures, 'speaks-of-requests'), path]);
}

export function startPhp(): Promise<Program> {
  return startProgram((path) => ['php-cgi', '-d', 'post_max_size=64M', '-b', path]);
}

/** Our own engine, in the foreground. */
export function startPython(method: 'prefork' | 'threaded'): Promise<Program> {
  const words = ['application=speaks_of_requests:application', `method=${method}`, 'daemonize=false'];
  return startProgram(
    (path) => ['python3', '-m', 'runfcgi', ...words, `directory=${fixtures}`, `socket=${path}`],
    'SIGTERM',
  );
}

/** What php-cgi needs to find its script. */
export const phpParams = { SCRIPT_FILENAME: join(fixtures, 'speaks-of-requests.php') };

export interface FakeApplication {
  readonly address: UnixAddress;
  /** Connections accepted so far, open or closed. */
  readonly connections: readonly Socket[];
  stop(): Promise<void>;
}

/** A server in this process that treats each connection as a test says. */
export async function startFake(onConnection: (socket: Socket) => void): Promise<FakeApplication> {
  const directory = await mkdtemp(join(tmpdir(), 'fake-application-'));
  const address: UnixAddress = { kind: 'unix', path: join(directory, 'app.sock') };
  const connections: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(address.path);
  await once(server, 'listening');
  return {
    address,
    connections,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of connections) socket.destroy();
      await closed;
      await rm(directory, { recursive: true });
    },
  };
}

async function isAccepting(address: UnixAddress, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`the program exited with status ${child.exitCode}`);
  const socket = connect(address.path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function environment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LANG: 'C.UTF-8',
    PHP_FCGI_CHILDREN: '0',
    PYTHONPATH: join(import.meta.dirname, '../../python'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
}
