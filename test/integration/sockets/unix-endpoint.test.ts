import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  fstatSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isBlocking } from '../../../src/host/kernel/sockets.ts';
import { UnixEndpoint } from '../../../src/sockets/unix-endpoint.ts';
import {
  eventually,
  greeter,
  perlFcgi,
  phpCgi,
  phpEnvironment,
  readAll,
  refusal,
  requireRoot,
  Workshop,
} from './support.ts';

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.tearDown());

describe('a Unix endpoint', () => {
  it('is reachable only after it was published, and leads to the newest generation from then on', async () => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const first = endpoint.open();
    expect(existsSync(shop.path('app.sock'))).toBe(false);
    expect(endpoint.isPublished(first)).toBe(false);
    endpoint.publish(first);
    expect(endpoint.isPublished(first)).toBe(true);
    shop.worker(first.fd, greeter('first'));
    expect(await readAll(shop.client(shop.path('app.sock')))).toBe('first');

    const second = endpoint.open();
    shop.worker(second.fd, greeter('second'));
    expect(await readAll(shop.client(shop.path('app.sock')))).toBe('first');
    endpoint.publish(second);
    expect(endpoint.isPublished(first)).toBe(false);
    for (let round = 0; round < 20; round += 1) {
      expect(await readAll(shop.client(shop.path('app.sock')))).toBe('second');
    }
    endpoint.publish(first);
    expect(await readAll(shop.client(shop.path('app.sock')))).toBe('first');
    endpoint.withdraw();
    first.close();
    second.close();
    expect(readdirSync(shop.directory)).toEqual(['private']);
    expect(readdirSync(shop.path('private'))).toEqual([]);
  });

  it('keeps connections waiting while there are no workers', async () => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = endpoint.open();
    endpoint.publish(socket);
    expect(socket.hasQueued()).toBe(false);
    expect(socket.queued()).toBe(0);
    const answers = [1, 2, 3].map(() => readAll(shop.client(shop.path('app.sock'))));
    await eventually('three are queued', () => socket.queued() === 3);
    expect(socket.hasQueued()).toBe(true);
    shop.worker(socket.fd, greeter('late'));
    expect(await Promise.all(answers)).toEqual(['late', 'late', 'late']);
    socket.close();
  });

  it('lets only connectPrivately reach a candidate', async () => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const candidate = endpoint.open();
    const probe = await candidate.connectPrivately();
    expect(candidate.hasQueued()).toBe(true);
    probe.close();
    candidate.close();
  });

  it('sets mode, owner and group whatever the umask', () => {
    requireRoot();
    const umask = process.umask(0o777);
    try {
      const endpoint = new UnixEndpoint(shop.unixPlan('app.sock', { mode: 0o660, uid: 1, gid: 33 }));
      const socket = endpoint.open();
      endpoint.publish(socket);
      const stats = statSync(shop.path('app.sock'));
      expect([stats.mode & 0o7777, stats.uid, stats.gid]).toEqual([0o660, 1, 33]);
      expect(statSync(shop.path('private')).mode & 0o7777).toBe(0o700);
      endpoint.withdraw();
      socket.close();
    } finally {
      process.umask(umask);
    }
  });

  it('publishes again after a cleaner deleted the address, and leaves no temporary name', () => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = endpoint.open();
    endpoint.publish(socket);
    unlinkSync(shop.path('app.sock'));
    expect(endpoint.isPublished(socket)).toBe(false);
    endpoint.publish(socket);
    endpoint.publish(socket);
    expect(endpoint.isPublished(socket)).toBe(true);
    expect(readdirSync(shop.directory).sort()).toEqual(['app.sock', 'private']);
    socket.close();
  });

  it('replaces a path that nobody answers at', async () => {
    const path = shop.path('app.sock');
    const dead = shop.worker('ignore', [
      'perl',
      '-MIO::Socket::UNIX',
      '-e',
      `my $s = IO::Socket::UNIX->new(Local => "${path}", Listen => 1) or die $!; kill 9, $$`,
    ]);
    await eventually('the other listener has died', () => dead.hasExited);
    expect(lstatSync(path).isSocket()).toBe(true);
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = endpoint.open();
    endpoint.publish(socket);
    shop.worker(socket.fd, greeter('ours'));
    expect(await readAll(shop.client(path))).toBe('ours');
    socket.close();
  });

  it('refuses a path that somebody listens at, names them, and leaves it alone', async () => {
    const path = shop.path('app.sock');
    const other = shop.worker('ignore', [
      'perl',
      '-MIO::Socket::UNIX',
      '-e',
      `my $s = IO::Socket::UNIX->new(Local => "${path}", Listen => 9) or die $!; $|=1; print "up"; sleep 60`,
    ]);
    await other.says('up');
    const before = lstatSync(path).ino;
    const error = refusal(() => new UnixEndpoint(shop.unixPlan('app.sock')).open());
    expect(error.code).toBe('LISTEN_IN_USE');
    expect(error.message).toBe(
      `cannot listen on unix:${path}: pid ${other.pid} (perl), user root listens there`,
    );
    expect(lstatSync(path).ino).toBe(before);
  });

  it('names a listener that was bound under another name, as another daemon does', () => {
    const theirs = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = theirs.open();
    theirs.publish(socket);
    const error = refusal(() => new UnixEndpoint(shop.unixPlan('app.sock')).open());
    expect(error.message).toContain(`this daemon itself (pid ${process.pid}), for another pool`);
    socket.close();
  });

  it('notices that somebody took the address over, and neither publishes over them nor removes theirs', async () => {
    const path = shop.path('app.sock');
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = endpoint.open();
    endpoint.publish(socket);
    unlinkSync(path);
    const thief = createServer().listen(path);
    await new Promise((resolve) => thief.once('listening', resolve));
    expect(endpoint.isPublished(socket)).toBe(false);
    expect(refusal(() => endpoint.publish(socket)).code).toBe('LISTEN_IN_USE');
    endpoint.withdraw();
    expect(existsSync(path)).toBe(true);
    await new Promise((resolve) => thief.close(resolve));
    socket.close();
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'precious')],
    ['a directory', (path: string) => mkdirSync(path)],
    ['a symbolic link', (path: string) => symlinkSync('/nowhere', path)],
  ])('never removes %s at the path', (_, make) => {
    const path = shop.path('app.sock');
    make(path);
    const before = lstatSync(path).ino;
    const error = refusal(() => new UnixEndpoint(shop.unixPlan('app.sock')).open());
    expect(error.code).toBe('LISTEN_FAILED');
    expect(error.message).toContain('not a socket');
    expect(lstatSync(path).ino).toBe(before);
  });

  it('explains a missing directory, a path that is too long, and an owner it may not choose', () => {
    const missing = refusal(() => new UnixEndpoint(shop.unixPlan('none/app.sock')).open());
    expect(missing.code).toBe('LISTEN_FAILED');
    expect(missing.hint).toContain('mkdir -p');
    expect(existsSync(shop.path('none'))).toBe(false);

    const long = refusal(() => new UnixEndpoint(shop.unixPlan('x'.repeat(100))).open());
    expect(long.message).toMatch(/is 1\d\d bytes long, and the kernel takes 107 at most/);
  });

  it('is neither made nor removed where a link of another user leads', () => {
    requireRoot();
    mkdirSync(shop.path('one'));
    mkdirSync(shop.path('two'));
    chownSync(shop.path('one'), 33, 33);
    chownSync(shop.path('two'), 34, 34);
    symlinkSync('../two', shop.path('one/run'));
    lchownSync(shop.path('one/run'), 33, 33);
    const endpoint = new UnixEndpoint(shop.unixPlan('one/run/app.sock'));
    const { code, message, hint } = refusal(() => endpoint.open());
    expect(code).toBe('LISTEN_FAILED');
    expect(message).toContain(
      `found ${shop.path('one/run')} of user 33, which leads to a directory of user 34`,
    );
    expect(hint).toContain('the link');

    unlinkSync(shop.path('one/run'));
    mkdirSync(shop.path('one/run'));
    const socket = endpoint.open();
    endpoint.publish(socket);
    renameSync(shop.path('one/run'), shop.path('one/was'));
    linkSync(shop.path('one/was/app.sock'), shop.path('two/app.sock'));
    symlinkSync('../two', shop.path('one/run'));
    lchownSync(shop.path('one/run'), 33, 33);
    expect(() => endpoint.withdraw()).toThrow('of user 33');
    unlinkSync(shop.path('two/app.sock'));
    expect(refusal(() => endpoint.publish(socket)).message).toContain('of user 33');
    expect(readdirSync(shop.path('two'))).toEqual([]);
    socket.close();
  });

  it('accepts a path of 107 bytes when the private name has room', () => {
    const name = 'y'.repeat(107 - shop.directory.length - 1);
    const endpoint = new UnixEndpoint(shop.unixPlan(name));
    const socket = endpoint.open();
    endpoint.publish(socket);
    expect(endpoint.isPublished(socket)).toBe(true);
    socket.close();
  });

  it('finds a place beside the address when the runtime directory is on another file system', async () => {
    const runtimeDir = mkdtempSync('/dev/shm/rfs-');
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock', { runtimeDir }));
    expect(statSync(runtimeDir).dev).not.toBe(statSync(shop.directory).dev);
    const socket = endpoint.open();
    endpoint.publish(socket);
    expect(statSync(shop.path(`.runfcgid-${process.geteuid?.()}`)).mode & 0o777).toBe(0o700);
    shop.worker(socket.fd, greeter('beside'));
    expect(await readAll(shop.client(shop.path('app.sock')))).toBe('beside');
    endpoint.withdraw();
    socket.close();
    expect(readdirSync(shop.directory)).toEqual([]);
    expect(readdirSync(`${runtimeDir}/private`)).toEqual([]);
    rmSync(runtimeDir, { recursive: true });
  });

  it('removes what a killed daemon left among the private names, and nothing else', async () => {
    const privateDirectory = shop.path('private');
    mkdirSync(privateDirectory);
    chmodSync(privateDirectory, 0o755);
    const dead = shop.worker('ignore', [
      'perl',
      '-MIO::Socket::UNIX',
      '-e',
      `my $s = IO::Socket::UNIX->new(Local => "${privateDirectory}/$$.0123456789ab", Listen => 1) or die $!; kill 9, $$`,
    ]);
    await eventually('the other daemon has died', () => dead.hasExited);
    writeFileSync(`${privateDirectory}/note`, '');
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const one = endpoint.open();
    const two = endpoint.open();
    expect(readdirSync(privateDirectory).sort()).toHaveLength(3);
    expect(readdirSync(privateDirectory)).not.toContain(`${dead.pid}.0123456789ab`);
    expect(statSync(privateDirectory).mode & 0o777).toBe(0o700);
    one.close();
    two.close();
    expect(readdirSync(privateDirectory)).toEqual(['note']);
  });

  it('refuses clients left in the queue of a closed socket that a stray process still holds', async () => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = endpoint.open();
    endpoint.publish(socket);
    shop.worker(socket.fd, ['sleep', '60']);
    const answer = readAll(shop.client(shop.path('app.sock')));
    await eventually('the client is queued', () => socket.hasQueued());
    endpoint.withdraw();
    socket.close();
    socket.close();
    expect(await answer).toBe('');
  });

  it.each([
    ['Perl FCGI', perlFcgi, {}],
    ['php-cgi', phpCgi, phpEnvironment],
  ])('is blocking, which %s needs to stay alive', async (_, argv, environment) => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = endpoint.open();
    expect(isBlocking(socket.fd)).toBe(true);
    const worker = shop.worker(socket.fd, argv, environment);
    const probe = await socket.connectPrivately();
    await eventually('the connection was accepted', () => !socket.hasQueued());
    expect(worker.hasExited).toBe(false);
    probe.close();
    socket.close();

    const nonBlocking = new UnixEndpoint(shop.unixPlan('flup.sock', { isBlocking: false })).open();
    expect(isBlocking(nonBlocking.fd)).toBe(false);
    // Node clears the flag at every spawn, so the program waits until it is set again.
    const gate = shop.path('gate');
    execFileSync('mkfifo', [gate]);
    const gated = ['sh', '-c', 'read -r go < "$0"; exec "$@"', gate, ...argv];
    const doomed = shop.worker(nonBlocking.fd, gated, environment);
    nonBlocking.restoreBlockingMode();
    writeFileSync(gate, 'go\n');
    await eventually('the program has ended by itself', () => doomed.hasExited);
    expect(doomed.child.exitCode).toBe(0);
    nonBlocking.close();
  });

  it('holds descriptors that no spawned process inherits', async () => {
    const endpoint = new UnixEndpoint(shop.unixPlan('app.sock'));
    const socket = endpoint.open();
    const child = shop.worker('ignore', ['ls', '-l', '/proc/self/fd']);
    await eventually('ls has ended', () => child.hasExited && child.output !== '');
    expect(child.output).not.toContain(`socket:[${fstatSync(socket.fd).ino}]`);
    socket.close();
  });
});
