import { readFileSync } from 'node:fs';

/** A line of passwd(5). */
export interface UserAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** A line of group(5). */
export interface GroupAccount {
  readonly name: string;
  readonly gid: number;
}

/** The users and groups of the machine, by name or by number. */
export interface Accounts {
  user(nameOrId: string | number): UserAccount | undefined;
  group(nameOrId: string | number): GroupAccount | undefined;
}

/** Where account lines come from; `lookup` asks every source of nsswitch.conf(5), LDAP for example. */
export interface AccountSources {
  readonly readText: (path: string) => string;
  readonly lookup: (database: 'passwd' | 'group', key: string) => string | undefined;
}

/** How long a directory service may take to answer. */
const lookupTimeoutMs = 5000;

const systemSources: AccountSources = {
  readText: (path) => readFileSync(path, 'utf8'),
  lookup: getent,
};

/** Looks in /etc/passwd and /etc/group first: starting a process for every name would be felt at the start. */
export function accountsFrom(sources: AccountSources = systemSources): Accounts {
  const lines = new Map<string, readonly string[]>();
  const linesOf = (path: string): readonly string[] => {
    const known = lines.get(path) ?? readLines(path, sources);
    lines.set(path, known);
    return known;
  };
  return {
    user: (key) =>
      findAccount(linesOf('/etc/passwd').map(parseUser), key, (account) => account.uid) ??
      parseUser(sources.lookup('passwd', String(key)) ?? ''),
    group: (key) =>
      findAccount(linesOf('/etc/group').map(parseGroup), key, (account) => account.gid) ??
      parseGroup(sources.lookup('group', String(key)) ?? ''),
  };
}

/** A name wins over a number, as for chown(1). */
function findAccount<Account extends { readonly name: string }>(
  accounts: readonly (Account | undefined)[],
  key: string | number,
  id: (account: Account) => number,
): Account | undefined {
  const known = accounts.filter((account) => account !== undefined);
  const byName = known.find((account) => account.name === key);
  return (
    byName ?? (/^\d+$/.test(String(key)) ? known.find((account) => id(account) === Number(key)) : undefined)
  );
}

function readLines(path: string, sources: AccountSources): readonly string[] {
  try {
    return sources.readText(path).split('\n');
  } catch {
    // A system without the file keeps its accounts elsewhere: `lookup` is asked instead.
    return [];
  }
}

function parseUser(line: string): UserAccount | undefined {
  const [name, , uid, gid, , home, shell] = line.trim().split(':');
  if (!name || !isId(uid) || !isId(gid)) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home: home || '/', shell: shell || '/bin/sh' };
}

function parseGroup(line: string): GroupAccount | undefined {
  const [name, , gid] = line.trim().split(':');
  return name && isId(gid) ? { name, gid: Number(gid) } : undefined;
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

function getent(database: 'passwd' | 'group', key: string): string | undefined {
  if (key.startsWith('-')) return undefined;
  try {
    // Loaded for the first name that is not in the files.
    return process
      .getBuiltinModule('node:child_process')
      .execFileSync('getent', [database, key], {
        encoding: 'utf8',
        timeout: lookupTimeoutMs,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      .split('\n')[0];
  } catch {
    // Not found (exit status 2), no such service, or no getent on this machine: all mean "not known".
    return undefined;
  }
}
