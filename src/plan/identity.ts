import type { PoolSettings } from '../config/settings.ts';
import type { UserAccount } from '../host/accounts.ts';
import type { Identity } from './plan.ts';
import type { Report } from './report.ts';
import type { Surroundings } from './surroundings.ts';

export interface ResolvedIdentity {
  /** `undefined`: the daemon's own user and group. */
  readonly identity: Identity | undefined;
  /** Whose HOME, USER and SHELL the workers get. */
  readonly account: UserAccount;
}

const rootHint = 'Start runfcgid as root, or leave the setting out to run the workers as the user you are.';

/** Who the workers of a pool run as. */
export function resolveIdentity(
  settings: Pick<PoolSettings, 'user' | 'group'>,
  surroundings: Surroundings,
  report: Report,
): ResolvedIdentity {
  const own = ownAccount(surroundings);
  const account = resolveUser(settings.user, own, surroundings, report);
  const gid = resolveGroup(settings.group, surroundings, report) ?? account.gid;
  const isOwn = account.uid === surroundings.uid && gid === own.gid;
  if (surroundings.uid === 0 && account.uid === 0 && settings.user === undefined) {
    report.warn([], 'has no "user": its workers run as root', {
      hint: 'Set user = "www-data", or better a user of the site\'s own.',
    });
  }
  return { identity: isOwn ? undefined : { uid: account.uid, gid, user: account.name }, account };
}

/** The account that the daemon runs as; a container may have none for its user. */
export function ownAccount({ accounts, uid, gid, home }: Surroundings): UserAccount {
  const known = accounts.user(uid);
  return known === undefined ? { name: String(uid), uid, gid, home, shell: '/bin/sh' } : { ...known, gid };
}

function resolveUser(
  user: string | number | undefined,
  own: UserAccount,
  surroundings: Surroundings,
  report: Report,
): UserAccount {
  if (user === undefined) return own;
  const account = surroundings.accounts.user(user);
  if (account === undefined) {
    report.problem(['user'], `there is no user ${quoteAccount(user)} on this machine`);
    return own;
  }
  if (account.uid !== surroundings.uid && surroundings.uid !== 0) {
    const message = `only a daemon that runs as root can start workers as ${quoteAccount(user)}`;
    report.problem(['user'], message, { hint: rootHint });
  }
  return account;
}

function resolveGroup(
  group: string | number | undefined,
  surroundings: Surroundings,
  report: Report,
): number | undefined {
  if (group === undefined) return undefined;
  const account = surroundings.accounts.group(group);
  if (account === undefined) {
    report.problem(['group'], `there is no group ${quoteAccount(group)} on this machine`);
    return undefined;
  }
  if (account.gid !== surroundings.gid && surroundings.uid !== 0) {
    const message = `only a daemon that runs as root can start workers in the group ${quoteAccount(group)}`;
    report.problem(['group'], message, { hint: rootHint });
  }
  return account.gid;
}

export function quoteAccount(nameOrId: string | number): string {
  return typeof nameOrId === 'number' ? String(nameOrId) : `"${nameOrId}"`;
}
