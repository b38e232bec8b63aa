import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { RunfcgidError } from '../../../src/errors.ts';
import { LaunchedWorker, planOf, until } from './launched-worker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'runfcgid-launcher-'));

afterEach(() => LaunchedWorker.cleanUp());
afterAll(() => rmSync(scratch, { recursive: true }));

describe('what a worker inherits', () => {
  const surroundings = async (changes: Parameters<typeof planOf>[1] = {}): Promise<readonly string[]> => {
    const worker = new LaunchedWorker(planOf(['prints-its-surroundings'], changes));
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 0 });
    return worker.lines;
  };

  test('no signal is blocked, ignored or caught, although Node itself ignores SIGPIPE', async () => {
    const lines = await surroundings();
    for (const set of ['SigBlk', 'SigIgn']) expect(lines).toContain(`${set}:\t0000000000000000`);
  });

  test('a session of its own', async () => {
    const line = (await surroundings()).find((each) => each.startsWith('session'));
    const [, session, pid] = /^session (\d+) pid (\d+)$/.exec(line ?? '') ?? [];
    expect(session).toBe(pid);
  });

  test('the listen socket as fd 0, two pipes, and no other descriptor', async () => {
    const lines = await surroundings();
    expect(lines.find((line) => line.startsWith('fd0'))).toMatch(/^fd0 socket:\[\d+\]$/);
    // The shell reads the script through descriptor 10 or above.
    const descriptors = lines.find((line) => line.startsWith('descriptors'))?.match(/\d+/g);
    expect(descriptors?.filter((fd) => Number(fd) < 10)).toEqual(['0', '1', '2']);
  });

  test('the umask of its plan, while the one of the daemon stays', async () => {
    const before = process.umask();
    expect(await surroundings({ umask: 0o27 })).toContain('umask 0027');
    expect(process.umask()).toBe(before);
  });

  test('the directory and nothing but the environment of its plan, without what would change FastCGI', async () => {
    const environment = {
      PATH: '/usr/bin:/bin',
      COLOUR: 'blue, "quoted" = signs',
      FCGI_WEB_SERVER_ADDRS: '127.0.0.1',
      FCGI_FORCE_CGI: 'Y',
    };
    const lines = await surroundings({ environment, directory: '/usr' });
    const names = lines.flatMap((line) => /^env ([^=]+)=/.exec(line)?.[1] ?? []).sort();
    expect(lines).toContain('directory /usr');
    expect(lines).toContain('env COLOUR=blue, "quoted" = signs');
    // The shell adds PWD.
    expect(names.filter((name) => !['PWD', '_', 'SHLVL', 'OLDPWD'].includes(name))).toEqual([
      'COLOUR',
      'PATH',
      'RUNFCGID_WORKER',
    ]);
  });

  test.runIf(process.getuid?.() === 0)(
    'the user, the group and the supplementary groups of its plan',
    async () => {
      const lines = await surroundings({ identity: { uid: 65_534, gid: 65_534, user: 'nobody' } });
      expect(lines).toContain('Uid:\t65534\t65534\t65534\t65534');
      expect(lines).toContain('Gid:\t65534\t65534\t65534\t65534');
      expect(lines.find((line) => line.startsWith('Groups'))?.trim()).toBe('Groups:\t65534');
      expect(lines).toContain('SigIgn:\t0000000000000000');
    },
  );

  test.runIf(process.getuid?.() === 0)(
    'no supplementary group for a user that is a bare number',
    async () => {
      const lines = await surroundings({ identity: { uid: 54_321, gid: 54_322, user: '54321' } });
      expect(lines).toContain('Uid:\t54321\t54321\t54321\t54321');
      expect(lines.find((line) => line.startsWith('Groups'))?.trim()).toBe('Groups:');
    },
  );
});

describe('what the launcher tells', () => {
  test.each([
    ['the user of the daemon', undefined],
    ['another user', { uid: 65_534, gid: 65_534, user: 'nobody' }],
  ])('what a worker writes to /dev/stderr by its name, as %s', async (_, identity) => {
    if (identity !== undefined && process.getuid?.() !== 0) return;
    const script = 'echo one >/dev/stderr; echo two >>/dev/stdout';
    const worker = new LaunchedWorker(planOf(['/bin/sh', '-c', script], { identity }));
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 0 });
    expect([...worker.lines].sort()).toEqual(['one', 'two']);
  });

  test('nothing of 20 lives stays open', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    await new LaunchedWorker(planOf(['exits-at-once'])).ended();
    await LaunchedWorker.cleanUp();
    const before = open();
    for (let round = 0; round < 10; round += 1) {
      await new LaunchedWorker(
        planOf(['exits-at-once'], { engine: { threads: 1, isPreloaded: false } }),
      ).ended();
      await until(
        () => new LaunchedWorker(planOf(['/bin/true', 'x'.repeat(200_000)])).process.pid === undefined,
        'E2BIG',
      );
    }
    await LaunchedWorker.cleanUp();
    await until(() => open() <= before, 'as few descriptors as before');
  });

  test('a worker of the engine shows what it does in memory that nobody can shrink', async () => {
    const script = [
      'import errno, mmap, os, struct, time',
      'descriptors = [int(os.environ["RUNFCGID_" + name]) for name in ("CHANNEL", "SCOREBOARD", "TRACES")]',
      'channel, scoreboard, traces = descriptors',
      'memory = mmap.mmap(scoreboard, 0)',
      'request = (7, 2, 99, time.monotonic(), b"::1\\0GET\\0/x?y", 7)',
      'struct.pack_into("=QQQd328s144xQ", memory, 64, *request)',
      'os.write(traces, b"File one\\nFile two\\n")',
      'os.write(channel, b\'{"event":"ready"}\\n\')',
      'try: os.ftruncate(scoreboard, 10)',
      'except OSError as error: print(descriptors, len(memory), memory[:4], errno.errorcode[error.errno])',
    ].join('\n');
    const argv = ['/usr/bin/python3', '-c', script] as const;
    const worker = new LaunchedWorker(planOf(argv, { engine: { threads: 3, isPreloaded: false } }));
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 0 });
    expect(worker.lines).toEqual(["[3, 4, 5] 1600 b'RFSB' EPERM"]);
    expect(worker.traces).toEqual(['File one', 'File two']);
    expect(worker.messages).toEqual([{ event: 'ready' }]);
    const [first, ...others] = worker.lastSlots ?? [];
    expect(first).toMatchObject({
      number: 7,
      request: { method: 'GET', uri: '/x?y', remote: '::1', bytes: 99 },
    });
    expect(first?.request?.ageMs).toBeLessThan(60_000);
    expect(others).toEqual([
      { number: 0, request: undefined },
      { number: 0, request: undefined },
    ]);
  });

  test('spawned, every line, and the end, in this order', async () => {
    const worker = new LaunchedWorker(planOf(['exits-at-once', '7']));
    expect(worker.pid).toBeGreaterThan(1);
    expect(worker.calls).toEqual([]);
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 7 });
    expect(worker.lines).toEqual(['about to give up']);
    expect(worker.calls).toEqual(['spawned', 'exit']);
  });

  test('the signal that a worker died of', async () => {
    const worker = new LaunchedWorker(planOf(['kills-itself', 'SEGV']));
    expect(await worker.ended()).toEqual({ kind: 'signaled', signal: 'SIGSEGV' });
  });

  test('a signal reaches the worker, and a dead worker says so', async () => {
    const worker = new LaunchedWorker(planOf(['never-accepts']));
    await until(() => worker.lines.includes('waiting'), 'its first line');
    expect(worker.process.signal('SIGTERM')).toBe(true);
    expect(await worker.ended()).toEqual({ kind: 'signaled', signal: 'SIGTERM' });
    expect(worker.process.signal('SIGTERM')).toBe(false);
  });

  test('the engine speaks on fd 3, and nonsense there is only a line of output', async () => {
    const said = [
      '{"event":"ready","since":1}',
      'nonsense',
      '{"event":"load-failed","message":"m","traceback":"t"}',
    ];
    const worker = new LaunchedWorker(
      planOf(['talks-on-the-channel', ...said], { engine: { threads: 1, isPreloaded: false } }),
    );
    await until(() => worker.messages.length === 2, 'two messages');
    expect(worker.messages).toEqual([
      { event: 'ready' },
      { event: 'load-failed', message: 'm', traceback: 't' },
    ]);
    expect(worker.lines.join()).toMatch(/^engine channel: a line is not JSON .*"nonsense"$/);
  });

  test('the end comes soon, although a grandchild keeps the output open', async () => {
    const worker = new LaunchedWorker(planOf(['holds-fd0-in-grandchild']));
    expect(await worker.ended()).toEqual({ kind: 'exited', code: 5 });
    const stray = await worker.printedPid('stray');
    expect(worker.lines).toContain('last words');
    expect(worker.tree().map(({ pid }) => pid)).toEqual([stray]);
  });

  test('a child that outlives the worker can still write, and is still heard', async () => {
    const worker = new LaunchedWorker(planOf(['leaves-a-busy-child']));
    await worker.printedPid('child');
    worker.process.signal('SIGKILL');
    await worker.ended();
    expect(worker.process.signalTree('SIGUSR1')).toBe(1);
    await until(() => worker.lines.includes('finished after the parent'), 'the line of the child');
  });

  test('a flood of 200,000 lines arrives whole, in order, and without growing the daemon', async () => {
    const before = process.memoryUsage().rss;
    let next = 1;
    let strays = 0;
    const worker = new LaunchedWorker(planOf(['logs-a-lot', '200000']));
    worker.lines.push = (line) => {
      if (Number(line.slice(0, 8)) !== next) strays += 1;
      next += 1;
      return 0;
    };
    await until(() => worker.exit !== undefined && next === 200_001, 'the exit and the last line', 80_000);
    expect(strays).toBe(0);
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(60);
  });
});

describe('what cannot be started', () => {
  const fails = async (argv: [string, ...string[]], changes: Parameters<typeof planOf>[1] = {}) => {
    const worker = new LaunchedWorker(planOf(argv, changes));
    expect(worker.process.pid).toBeUndefined();
    await until(() => worker.calls.length > 0, 'a verdict');
    expect(worker.calls).toEqual(['spawn-failed']);
    expect(worker.process.tree()).toEqual([]);
    expect(worker.process.killTree()).toBe(0);
    expect(worker.spawnError).toBeInstanceOf(RunfcgidError);
    expect((worker.spawnError as RunfcgidError).code).toBe('SPAWN_FAILED');
    return worker.spawnError as RunfcgidError;
  };
  const script = (name: string, text: string, mode: number): string => {
    const path = join(scratch, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };

  test('a directory that is missing is not mistaken for the program', async () => {
    const { message } = await fails(['answers'], { directory: '/no/such/place' });
    expect(message).toBe('the working directory "/no/such/place" does not exist');
  });

  test('a directory that is a file', async () => {
    expect((await fails(['answers'], { directory: '/etc/passwd' })).message).toContain('is not a directory');
  });

  test('a program that is missing', async () => {
    expect((await fails(['/no/such/program'])).message).toBe('the program "/no/such/program" does not exist');
  });

  test('a program that is nowhere in the PATH of the worker', async () => {
    const plan = planOf(['/bin/true']);
    const { message } = await fails(['/bin/true'], { ...plan, argv: ['no-such-program'] });
    expect(message).toBe('there is no program "no-such-program" in the worker\'s PATH (/usr/bin:/bin)');
  });

  test('a program that is a directory', async () => {
    expect((await fails(['/usr/bin'])).message).toBe('"/usr/bin" is not a file that can be run');
  });

  test('a program without the executable bit', async () => {
    const path = script('plain', '#!/bin/sh\n', 0o644);
    const error = await fails([path]);
    expect(error.message).toBe(`the program "${path}" is not executable`);
    expect(error.hint).toBe(`Try: chmod +x ${path}`);
  });

  test('a script whose interpreter is missing', async () => {
    const error = await fails([script('script', '#! /opt/python2 -u\n', 0o755)]);
    expect(error.message).toMatch(
      /^the script ".*" names the interpreter "\/opt\/python2", which does not exist$/,
    );
  });

  test('a script with the line ends of Windows', async () => {
    const error = await fails([script('script', '#!/bin/sh\r\nexit 0\r\n', 0o755)]);
    expect(error.hint).toContain('line ends of Windows');
  });

  test('arguments that are too long for the kernel', async () => {
    const error = await fails(['/bin/true', 'x'.repeat(200_000)]);
    expect(error.message).toContain('E2BIG');
    expect(error.hint).toContain('larger than the kernel allows');
  });
});
