import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunfcgidError } from '../../../src/errors.ts';
import type { UnixListenPlan } from '../../../src/sockets/open-unix-socket.ts';

/**
 * Waits until `condition` holds, looking every 5 ms; fails with `what` after the deadline, which is for what hangs alone:
 * a busy machine may stop any process for seconds.
 */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
) {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** These tests prove nothing without root: they must fail then, never pass by being left out. */
export function requireRoot(): void {
  if (process.geteuid?.() !== 0) throw new Error('this test needs root: run it as root, as CI does');
}

/** The error for the operator that `action` raises. */
export function refusal(action: () => unknown): RunfcgidError {
  try {
    action();
  } catch (error) {
    if (error instanceof RunfcgidError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Ends processes and removes directories that a test file made. */
export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'r'));
  readonly #processes: ChildProcess[] = [];
  readonly #clients: Socket[] = [];

  path(name: string): string {
    return join(this.directory, name);
  }

  unixPlan(name: string, changes: Partial<UnixListenPlan> = {}): UnixListenPlan {
    return {
      address: { kind: 'unix', path: this.path(name) },
      backlog: 64,
      mode: 0o666,
      uid: undefined,
      gid: undefined,
      runtimeDir: this.directory,
      isBlocking: true,
      ...changes,
    };
  }

  /** A process on `fd` as its standard input. */
  worker(
    fd: number | 'ignore' | 'pipe',
    argv: readonly string[],
    environment: Record<string, string> = {},
  ): Worker {
    const [program = '', ...rest] = argv;
    const child = spawn(program, rest, {
      stdio: [fd, 'pipe', 'ignore'],
      env: { ...process.env, ...environment },
      detached: true,
    });
    this.#processes.push(child);
    return new Worker(child);
  }

  client(target: string | { host: string; port: number }): Socket {
    return this.#adopt(typeof target === 'string' ? connect(target) : connect(target.port, target.host));
  }

  /** A client with a connection that is open already. */
  clientOf(fd: number): Socket {
    return this.#adopt(new Socket({ fd }));
  }

  /** A socket whose abstract name holds a line end and then what looks like a row of /proc/net/unix. */
  async forgeRow(name: string): Promise<void> {
    const script = `import socket,sys,time\ns=socket.socket(socket.AF_UNIX)\ns.bind("\\0"+sys.argv[1])\nprint("forged")\ntime.sleep(60)`;
    await this.worker('ignore', ['/usr/bin/python3', '-uc', script, name]).says('forged');
  }

  async tearDown(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    for (const child of this.#processes) {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        killGroup(child.pid);
        await new Promise((resolve) => child.once('exit', resolve));
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #adopt(socket: Socket): Socket {
    socket.on('error', () => {});
    this.#clients.push(socket);
    return socket;
  }
}

export class Worker {
  readonly pid: number;
  readonly child: ChildProcess;
  output = '';

  constructor(child: ChildProcess) {
    this.child = child;
    this.pid = child.pid ?? -1;
    child.stdout?.on('data', (chunk) => {
      this.output += chunk;
    });
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async says(words: string): Promise<void> {
    await eventually(`"${words}" from process ${this.pid}`, () => this.output.includes(words));
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Ended in between.
  }
}

/** Everything the other end sends, until it closes. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.once('end', () => resolve(text));
    socket.once('error', reject);
  });
}

/** Accepts one connection after the other and tells each who it is. */
export function greeter(name: string): readonly string[] {
  return [
    'perl',
    '-e',
    `use Socket; $|=1; open(my $l,"+<&=0") or die $!; print "up\\n"; while(accept(my $c,$l)){ syswrite $c,"${name}"; close $c }`,
  ];
}

/** Holds every connection until its client closes it; one at a time. */
export const holder: readonly string[] = [
  '/usr/bin/python3',
  '-uc',
  'import socket\ns=socket.socket(fileno=0)\nprint("up")\nwhile 1:\n c,_=s.accept()\n c.recv(1)\n c.close()',
];

/** Holds every connection in a thread of its own. */
export const threadedHolder: readonly string[] = [
  '/usr/bin/python3',
  '-uc',
  'import socket,threading\ns=socket.socket(fileno=0)\nprint("up")\nwhile 1:\n c,_=s.accept()\n threading.Thread(target=lambda c=c:(c.recv(1),c.close())).start()',
];

export const perlFcgi: readonly string[] = [
  'perl',
  '-e',
  'use FCGI; my $r=FCGI::Request(); while($r->Accept()>=0){ print "Status: 200 OK\\r\\n\\r\\nhello $$\\n"; }',
];

export const phpCgi: readonly string[] = ['php-cgi'];

export const phpEnvironment = { PHP_FCGI_CHILDREN: '0' };
