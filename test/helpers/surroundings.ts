import { posix } from 'node:path';
import type { ConfigFiles } from '../../src/config/files.ts';
import { accountsFrom } from '../../src/host/accounts.ts';
import { type LoadedPlan, loadPlan } from '../../src/plan/load.ts';
import type { PoolPlan } from '../../src/plan/plan.ts';
import type { Surroundings } from '../../src/plan/surroundings.ts';

const passwd = `root:x:0:0:root:/root:/bin/bash
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
ann:x:1000:1000:Ann:/home/ann:/bin/bash
`;
const group = `root:x:0:
www-data:x:33:ann
ann:x:1000:
staff:x:50:
`;

/** A folder in memory. A value that is an Error is thrown when the file is read. */
export function memoryFiles(contents: Readonly<Record<string, string | Error>>): ConfigFiles {
  const paths = Object.keys(contents);
  const isBelow = (path: string, directory: string): boolean =>
    path.startsWith(directory === '/' ? '/' : `${directory}/`);
  return {
    readText: (path) => {
      const content = contents[path];
      if (content instanceof Error) throw content;
      if (content === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      return content;
    },
    list: (directory) => [
      ...new Set(
        paths
          .filter((path) => isBelow(path, directory))
          .map((path) => posix.relative(directory, path).split('/')[0] ?? ''),
      ),
    ],
    exists: (path) => paths.some((each) => each === path || isBelow(each, path)),
  };
}

/** A machine with the users root, www-data and ann, where the daemon runs as root unless told otherwise. */
export function surroundings(changes: Partial<Surroundings> = {}): Surroundings {
  const { files = memoryFiles({}) } = changes;
  return {
    files,
    readGuarded: (path) => files.readText(path),
    accounts: accountsFrom({
      readText: (path) => (path === '/etc/passwd' ? passwd : group),
      lookup: () => undefined,
    }),
    environment: {},
    workingDirectory: '/work-dir',
    home: '/root',
    uid: 0,
    gid: 0,
    groups: [0],
    isExecutable: () => false,
    inheritedNames: [],
    engineDirectory: '/opt/runfcgid/python',
    ...changes,
  };
}

/** The same machine seen by the user ann. */
export const ann = { uid: 1000, gid: 1000, groups: [1000, 33], home: '/home/ann' } as const;

export const mainFile = '/etc/runfcgid/runfcgid.toml';

/** Loads `toml` as the system's configuration. */
export function loadText(
  toml: string,
  changes: Partial<Surroundings> = {},
  otherFiles: Readonly<Record<string, string | Error>> = {},
): Promise<LoadedPlan> {
  const files = memoryFiles({ ...otherFiles, [mainFile]: toml });
  return loadPlan({ configFile: mainFile, surroundings: surroundings({ files, ...changes }) });
}

/** The plan of the only pool in `toml`; anything refused is an error. */
export async function onlyPool(toml: string, changes: Partial<Surroundings> = {}): Promise<PoolPlan> {
  const { plan } = await loadText(toml, changes);
  const [pool] = plan.pools;
  if (pool === undefined) throw new Error(`refused: ${JSON.stringify(plan.refused)}`);
  return pool;
}

/** The problems of the only refused pool in `toml`. */
export async function problemsOf(
  toml: string,
  changes: Partial<Surroundings> = {},
): Promise<readonly string[]> {
  const { plan } = await loadText(toml, changes);
  return plan.refused.flatMap(({ problems }) => problems);
}
