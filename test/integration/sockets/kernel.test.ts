import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { becomeSubreaper, reap, tryLock, withForeignDescriptor } from '../../../src/host/kernel/processes.ts';
import {
  closeDescriptor,
  openStreamSocket,
  peerCredentials,
  sendDatagram,
  setBlocking,
  socketName,
  startConnect,
} from '../../../src/host/kernel/sockets.ts';
import { isErrno, SystemCallError } from '../../../src/host/kernel.ts';
import { processIds, socketDescriptors } from '../../../src/host/procfs.ts';
import { eventually, refusal, Workshop } from './support.ts';

/** More than any pid (PID_MAX_LIMIT, proc_sys_kernel(5)). */
const noPid = 2 ** 22 + 1;

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.tearDown());

describe('a failed system call', () => {
  it('names the call, the words of the system and the errno', () => {
    const error = refusal(() => closeDescriptor(9999));
    expect(error).toBeInstanceOf(SystemCallError);
    expect(error.code).toBe('KERNEL');
    expect(error.message).toBe('close failed: Bad file descriptor (EBADF)');
    expect(isErrno(error, 'ENOENT', 'EBADF')).toBe(true);
    expect(isErrno(error, 'ENOENT')).toBe(false);
  });
});

describe('a datagram', () => {
  it.each([['a path'], ['an abstract name']])('reaches %s', async (kind) => {
    const name = kind === 'a path' ? shop.path('notify') : `@runfcgid-test-${process.pid}`;
    const script =
      'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\nn=sys.argv[1]\ns.bind("\\0"+n[1:] if n[0]=="@" else n)\nprint("up")\nprint(s.recv(100))';
    const receiver = shop.worker('ignore', ['/usr/bin/python3', '-uc', script, name]);
    await receiver.says('up');
    sendDatagram(name, Buffer.from('READY=1\nSTATUS=ünder way'));
    await receiver.says('\\nSTATUS=\\xc3\\xbcnder way');
  });

  it('raises when nobody receives', () => {
    expect(refusal(() => sendDatagram(shop.path('none'), Buffer.from('x'))).message).toBe(
      'sendto failed: No such file or directory (ENOENT)',
    );
  });
});

describe('a lock', () => {
  it('is held by one open file at a time, until that is closed', () => {
    const path = shop.path('lock');
    const first = openSync(path, 'w');
    const second = openSync(path, 'w');
    expect(tryLock(first)).toBe(true);
    expect(tryLock(second)).toBe(false);
    closeSync(first);
    expect(tryLock(second)).toBe(true);
    closeSync(second);
  });
});

describe('peer credentials', () => {
  it('tell who listens', async () => {
    const server = createServer().listen(shop.path('server'));
    await new Promise((resolve) => server.once('listening', resolve));
    const fd = openStreamSocket('unix', 'non-blocking');
    startConnect(fd, { kind: 'unix', path: shop.path('server') });
    expect(peerCredentials(fd)).toEqual({
      pid: process.pid,
      uid: process.geteuid?.(),
      gid: process.getegid?.(),
    });
    setBlocking(fd, true);
    closeDescriptor(fd);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a descriptor of another process', () => {
  it('can be looked at, and its copy is closed at once', async () => {
    const script = `import socket,time\ns=socket.socket(socket.AF_UNIX)\ns.bind("${shop.path('theirs')}")\nprint("up")\ntime.sleep(60)`;
    const other = shop.worker('ignore', ['/usr/bin/python3', '-uc', script]);
    await other.says('up');
    const sockets = socketDescriptors(other.pid);
    if (typeof sockets === 'string') throw new Error(sockets);
    const [fd = -1] = sockets.values();
    const before = readdirCount();
    const names = [...sockets.values()].map((each) => withForeignDescriptor(other.pid, each, socketName));
    expect(names).toContainEqual({ kind: 'unix', path: shop.path('theirs') });
    expect(withForeignDescriptor(other.pid, 999, socketName)).toBe('gone');
    expect(withForeignDescriptor(noPid, fd, socketName)).toBe('gone');
    await eventually('its copy is closed', () => readdirCount() <= before);
  });
});

describe('a subreaper', () => {
  it("collects adopted orphans one by one, and leaves all of Node's own children to Node", async () => {
    becomeSubreaper();
    const own = new Set<number>();
    const statuses = new Set<number | null>();
    let exits = 0;
    for (let count = 0; count < 30; count += 1) {
      const child = spawn('/bin/sh', ['-c', '(sleep 0.1; exit 9) & exit 7'], { stdio: 'ignore' });
      own.add(child.pid ?? -1);
      child.once('exit', (status) => {
        exits += 1;
        statuses.add(status);
      });
    }
    const reaped: unknown[] = [];
    await eventually('all orphans are collected', () => {
      for (const pid of processIds().filter((each) => !own.has(each) && parentOf(each) === process.pid)) {
        const status = reap(pid);
        if (typeof status === 'object') reaped.push(status);
      }
      return reaped.length === 30 && exits === 30;
    });
    expect([...statuses]).toEqual([7]);
    expect(new Set(reaped.map((status) => JSON.stringify(status)))).toEqual(
      new Set(['{"kind":"exited","status":9}']),
    );
    expect(reap(1)).toBe('not-a-child');
    expect(() => reap(-1)).toThrow(RangeError);
  });
});

function readdirCount(): number {
  return readdirSync('/proc/self/fd').length;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
