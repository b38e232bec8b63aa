import { formatAddress, isAbstract, type ListenAddress, parseListenAddress } from '../config/address.ts';
import type { PoolConfig } from '../config/config.ts';
import { longestUnixPath } from '../host/kernel/socket-name.ts';
import { quoteAccount } from './identity.ts';
import type { DaemonPlan, ListenPlan } from './plan.ts';
import type { Preset } from './presets.ts';
import type { Report } from './report.ts';
import type { Surroundings } from './surroundings.ts';

/** The addresses of a pool with the mode and owner of their sockets. */
export function resolveListen(
  pool: PoolConfig,
  daemon: DaemonPlan,
  preset: Preset,
  surroundings: Surroundings,
  report: Report,
): readonly ListenPlan[] {
  const { settings } = pool;
  const written = (settings.listen ?? []).map((text) => parseListenAddress(text, pool.directory));
  checkAddresses(written, daemon, report);
  const addresses = written.flatMap((address) => eachSocket(address, surroundings));
  const hasPath = addresses.some((address) => address.kind === 'unix' && !isAbstract(address));
  if (!hasPath && (settings.listen_owner !== undefined || settings.listen_group !== undefined)) {
    const key = settings.listen_group === undefined ? 'listen_owner' : 'listen_group';
    report.warn([key], 'has no effect: this pool makes no Unix socket with a path');
  }
  const uid = resolveOwner(settings.listen_owner, surroundings, report);
  const gid = resolveSocketGroup(settings.listen_group, surroundings, report);
  return addresses.map((address) => ({
    address,
    backlog: settings.backlog,
    mode: settings.listen_mode,
    uid,
    gid,
    runtimeDir: daemon.runtimeDir,
    isBlocking: preset.isBlocking,
  }));
}

/** A name may stand for several sockets, for example for IPv4 and IPv6. */
function eachSocket(address: ListenAddress, { inheritedNames }: Surroundings): readonly ListenAddress[] {
  if (address.kind !== 'systemd' || address.index !== undefined) return [address];
  const { length } = inheritedNames.filter((name) => name === address.name);
  return length < 2 ? [address] : Array.from({ length }, (_, index) => ({ ...address, index }));
}

function checkAddresses(addresses: readonly ListenAddress[], daemon: DaemonPlan, report: Report): void {
  for (const [index, address] of addresses.entries()) {
    const key = addresses.length === 1 ? ['listen'] : ['listen', index];
    const first = addresses.slice(0, index).find((other) => collides(address, other));
    if (first !== undefined) {
      report.problem(
        key,
        `the address ${formatAddress(address)} is taken by ${formatAddress(first)} before it`,
      );
    }
    if (address.kind !== 'unix') continue;
    checkSocketPath(address.path, key, report);
    if (address.path === daemon.controlSocket) {
      report.problem(key, `${address.path} is the control socket of the daemon`);
    }
  }
}

export function checkSocketPath(path: string, key: readonly (string | number)[], report: Report): void {
  const isName = path.startsWith('@');
  const length = Buffer.byteLength(path) - Number(isName);
  if (length <= longestUnixPath) return;
  if (isName) {
    report.problem(key, `an abstract name has at most ${longestUnixPath} bytes; ${path} has ${length}`);
    return;
  }
  const message = `a socket path has at most ${longestUnixPath} bytes; ${path} has ${length}`;
  report.problem(key, message, { hint: 'Choose a shorter directory, for example one below /run.' });
}

/** True when the two cannot be listened on at the same time: equal, or one is the wildcard of the other. */
export function collides(one: ListenAddress, other: ListenAddress): boolean {
  if (one.kind === 'systemd' && other.kind === 'systemd') {
    const isEvery = one.index === undefined || other.index === undefined;
    return one.name === other.name && (isEvery || one.index === other.index);
  }
  if (one.kind !== 'tcp' || other.kind !== 'tcp') return formatAddress(one) === formatAddress(other);
  if (one.port !== other.port || one.family !== other.family) return false;
  return one.host === other.host || isWildcard(one.host) || isWildcard(other.host);
}

function isWildcard(host: string): boolean {
  return /^[0:.]+$/.test(host);
}

function resolveOwner(
  owner: string | number | undefined,
  { accounts, uid }: Surroundings,
  report: Report,
): number | undefined {
  if (owner === undefined) return undefined;
  const account = accounts.user(owner);
  if (account === undefined) {
    report.problem(['listen_owner'], `there is no user ${quoteAccount(owner)} on this machine`);
  } else if (uid !== 0 && account.uid !== uid) {
    const message = `only a daemon that runs as root can give a socket to ${quoteAccount(owner)}`;
    report.problem(['listen_owner'], message, { hint: 'Use listen_group with a group you belong to.' });
  }
  return account?.uid;
}

/** The owner of a file may give it to a group that he belongs to (chown(2)). */
function resolveSocketGroup(
  group: string | number | undefined,
  { accounts, uid, gid, groups }: Surroundings,
  report: Report,
): number | undefined {
  if (group === undefined) return undefined;
  const account = accounts.group(group);
  if (account === undefined) {
    report.problem(['listen_group'], `there is no group ${quoteAccount(group)} on this machine`);
  } else if (uid !== 0 && account.gid !== gid && !groups.includes(account.gid)) {
    const message = `you do not belong to the group ${quoteAccount(group)}, so you cannot give it a socket`;
    report.problem(['listen_group'], message, {
      hint: 'Ask to be added to the group, or use listen_mode = "0666" in a directory only the web server can enter.',
    });
  }
  return account?.gid;
}
