import { accessSync, constants } from 'node:fs';
import { RunfcgidError } from '../errors.ts';
import type { WorkerPlan } from '../plan/plan.ts';

const places = [
  '/usr/bin/setpriv',
  '/bin/setpriv',
  '/usr/local/bin/setpriv',
  '/run/current-system/sw/bin/setpriv',
];

let found: string | undefined;

/**
 * The command line that runs the plan's program under the plan's user: through setpriv(1), since Node's own `uid` and
 * `gid` drop the supplementary groups. Inheritable capabilities, and with them ambient ones, do not pass.
 *
 * @throws RunfcgidError SPAWN_FAILED when setpriv is needed and missing.
 */
export function withIdentity(
  program: string,
  { argv, identity }: WorkerPlan,
): readonly [string, ...string[]] {
  const [, ...args] = argv;
  if (identity === undefined || isOwn(identity)) return [program, ...args];
  const { uid, gid, user } = identity;
  // A bare number has no entry in the group database to initialise groups from.
  const groups = /^\d+$/.test(user) ? '--clear-groups' : '--init-groups';
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, groups, '--inh-caps=-all'];
  return [findSetpriv(user), ...ids, '--', program, ...args];
}

function isOwn({ uid, gid }: { readonly uid: number; readonly gid: number }): boolean {
  return process.getuid?.() === uid && process.getgid?.() === gid;
}

function findSetpriv(user: string): string {
  found ??= places.find(isExecutable);
  if (found !== undefined) return found;
  throw new RunfcgidError('SPAWN_FAILED', `workers cannot run as "${user}": setpriv is not installed`, {
    hint: 'Install util-linux, or remove "user" from the pool.',
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
