import { dirname, parse } from 'node:path';
import { formatAddress, isAbstract, isInherited, type SocketAddress } from '../config/address.ts';
import type { ListenPlan, PoolPlan } from '../plan/plan.ts';
import type { PoolFinding } from './finding.ts';
import type { CheckReaders } from './readers.ts';

const webServerHint =
  'Set listen_group to the group of the web server (www-data on Debian, nginx on Red Hat), if it runs as another user.';

/** Whether each address is free, can be listened on, and can be reached by a web server. */
export async function checkListen(
  pool: PoolPlan,
  daemonPid: number | undefined,
  readers: CheckReaders,
): Promise<readonly PoolFinding[]> {
  const findings = await Promise.all(pool.listen.map((listen) => checkAddress(listen, daemonPid, readers)));
  return findings.flat();
}

/** What the daemon will be started with cannot be told from here. */
async function checkAddress(
  listen: ListenPlan,
  daemonPid: number | undefined,
  readers: CheckReaders,
): Promise<readonly PoolFinding[]> {
  const { address } = listen;
  if (isInherited(address)) return [];
  const taken = await checkFree(address, daemonPid, readers);
  if (address.kind === 'tcp') return taken;
  if (isAbstract(address)) return [...taken, ...checkAbstract(address.path)];
  return [...taken, ...checkSocketPath(listen, address.path, readers)];
}

function checkAbstract(name: string): readonly PoolFinding[] {
  const message = `every user of this machine may connect to ${name}: abstract names have no owner and no mode`;
  return [warning('listen', message, 'Use a path, unless all users are trusted.')];
}

/** An address that the running daemon of this configuration has is not taken: it is the one. */
async function checkFree(
  address: SocketAddress,
  daemonPid: number | undefined,
  readers: CheckReaders,
): Promise<readonly PoolFinding[]> {
  const owners = readers.whoListens(address);
  if (daemonPid !== undefined && owners.some(({ pid }) => pid === daemonPid)) return [];
  if (owners.length > 0) {
    const message = `somebody listens on ${formatAddress(address)} already: ${readers.describeOwners(owners)}`;
    return [problem('listen', message, 'Stop it, or give the pool another address.')];
  }
  if (address.kind === 'unix') return [];
  const reason = await readers.bindProblem(address.host, address.port);
  if (reason === undefined) return [];
  const message = `${formatAddress(address)} cannot be listened on: ${reason}`;
  const hint = address.port < 1024 ? 'Ports below 1024 need root or CAP_NET_BIND_SERVICE.' : undefined;
  return [problem('listen', message, hint)];
}

function checkSocketPath(listen: ListenPlan, path: string, readers: CheckReaders): readonly PoolFinding[] {
  const there = readers.stat(path);
  const directory = dirname(path);
  const refusal = readers.refusalOfDirectory(directory);
  if (refusal !== undefined) {
    const message = `there is no way to the directory ${directory}: ${refusal.message}`;
    return [problem('listen', message, refusal.hint)];
  }
  const facts = readers.stat(directory);
  if (there !== undefined && there.kind !== 'socket') {
    return [
      problem(
        'listen',
        `${path} exists and is not a socket`,
        'Move it away; only sockets are ever replaced.',
      ),
    ];
  }
  if (facts === undefined) {
    if (directory === listen.runtimeDir) return checkConnectable(listen, path);
    const hint = `Make it for the user of the daemon: mkdir -p ${directory}`;
    return [problem('listen', `the directory ${directory} does not exist, or cannot be looked at`, hint)];
  }
  if (facts.kind !== 'directory') return [problem('listen', `${directory} is not a directory`)];
  if (!readers.mayAccess(directory, 'write') || !readers.mayAccess(directory, 'execute')) {
    const hint = 'The daemon makes the socket there, so its user must be able to write to the directory.';
    return [problem('listen', `the directory ${directory} is not writable for this user`, hint)];
  }
  return [...checkConnectable(listen, path), ...checkReachable(listen, directory, readers)];
}

/** connect(2) needs write permission on the socket. */
function checkConnectable({ mode, gid }: ListenPlan, path: string): readonly PoolFinding[] {
  if ((mode & 0o002) !== 0 || gid !== undefined) return [];
  const who = (mode & 0o020) === 0 ? 'its owner' : "its owner and the daemon's own group";
  return [warning('listen_group', `only ${who} may connect to ${path}`, webServerHint)];
}

/** Every directory on the way must let the web server through; who that is, only `listen_group` tells. */
function checkReachable(
  { gid }: ListenPlan,
  directory: string,
  readers: CheckReaders,
): readonly PoolFinding[] {
  const closed = ancestors(directory).find((each) => {
    const facts = readers.stat(each);
    if (facts === undefined || (facts.mode & 0o001) !== 0) return false;
    return facts.gid !== gid || (facts.mode & 0o010) === 0;
  });
  if (closed === undefined) return [];
  const message = `${closed} lets only its owner and group through, so a web server of another user cannot reach the socket`;
  return [warning('listen', message, `Try: chmod o+x ${closed}, or choose a directory below /run.`)];
}

/** From the root down. */
function ancestors(directory: string): readonly string[] {
  return directory === parse(directory).root ? [directory] : [...ancestors(dirname(directory)), directory];
}

function problem(key: string, message: string, hint?: string): PoolFinding {
  return { severity: 'problem', key, message, ...(hint === undefined ? {} : { hint }) };
}

function warning(key: string, message: string, hint: string): PoolFinding {
  return { severity: 'warning', key, message, hint };
}
