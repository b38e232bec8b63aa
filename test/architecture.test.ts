import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = new URL('../', import.meta.url).pathname;

/** From the top of the house to its foundations. A file imports from its own room and from the floors below. */
const floors = [
  ['main', 'ctl'],
  ['control', 'gateway', 'runfcgi'],
  ['check'],
  ['pools'],
  ['workers', 'triggers'],
  ['probes'],
  ['sockets'],
  ['plan', 'status'],
  ['config'],
  ['host'],
  ['error-message'],
  ['errors'],
] as const;

/** The only file that may import a package which does something to the world. */
const boundaries: Readonly<Record<string, string>> = {
  execa: 'src/check/run-as.ts',
  pidusage: 'src/probes/usage.ts',
  'fastcgi-stream': 'src/probes/fastcgi-client.ts',
  koffi: 'src/host/kernel.ts',
  pino: 'src/host/log.ts',
  'pino-pretty': 'src/host/log.ts',
  send: 'src/gateway/static-folder.ts',
};

/** Packages that only compute, or that a program as a whole is built on. */
const freePackages = ['commander', 'fastest-levenshtein', 'smol-toml', 'toml-eslint-parser', 'valibot'];

const longestFile = 250;

interface Source {
  readonly path: string;
  /** Without comments. */
  readonly code: string;
  readonly text: string;
}

const sources: readonly Source[] = filesBelow('src', /\.ts$/).map((path) => {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, code: text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '') };
});

function filesBelow(folder: string, pattern: RegExp): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => pattern.test(path))
    .sort();
}

/** What a file imports, of types and values, at its beginning or when it needs it. */
function importsOf({ code }: Source): readonly string[] {
  return [...code.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\()\s*'(?<name>[^']+)'/g)].map(
    (match) => match.groups?.['name'] ?? '',
  );
}

function isOwn(name: string): boolean {
  return name.startsWith('.');
}

/** `src/pools/pool.ts` is in the room `pools`; `src/main.ts` in `main`. */
function roomOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? '';
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => (rooms as readonly string[]).includes(room));
}

/** The lines of all sources that `pattern` is found in, but for those of the files that may. */
function linesWith(pattern: RegExp, allowed: (path: string) => boolean = () => false): readonly string[] {
  return sources
    .filter(({ path }) => !allowed(path))
    .flatMap(({ path, code }) =>
      code.split('\n').flatMap((line) => (pattern.test(line) ? `${path}: ${line.trim()}` : [])),
    );
}

describe('the house', () => {
  test('has a floor for every room', () => {
    const rooms = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => room !== 'types'));
    expect(rooms).toEqual(new Set(floors.flat()));
  });

  test('is entered from above: an import points to the same room or to a floor below', () => {
    const upstairs = sources.flatMap((source) =>
      importsOf(source)
        .filter(isOwn)
        .map((name) => normalize(join(dirname(source.path), name)))
        .filter((target) => {
          const [from, to] = [roomOf(source.path), roomOf(target)];
          return from !== to && floorOf(to) <= floorOf(from);
        })
        .map((target) => `${source.path} imports ${target}`),
    );
    expect(upstairs).toEqual([]);
  });

  test('meets each package at one boundary', () => {
    const strangers = sources.flatMap((source) =>
      importsOf(source)
        .filter((name) => !isOwn(name) && !name.startsWith('node:') && !freePackages.includes(name))
        .filter((name) => boundaries[name] !== source.path)
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(strangers).toEqual([]);
    const imported = new Set(sources.flatMap(importsOf));
    expect(Object.keys(boundaries).filter((name) => !imported.has(name))).toEqual([]);
  });

  test('names the extension in imports of its own files', () => {
    const bare = sources.flatMap((source) =>
      importsOf(source)
        .filter((name) => isOwn(name) && !/\.(ts|json)$/.test(name))
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(bare).toEqual([]);
  });

  test('has one clock', () => {
    const time =
      /\b(Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|hrtime|timers\/promises)\b/;
    expect(linesWith(time, (path) => path === 'src/host/clock.ts')).toEqual([]);
  });

  test('ends the process in its two programs only', () => {
    const programs = ['src/main.ts', 'src/ctl.ts'];
    expect(linesWith(/\bprocess\.(exit\(|abort\()/, (path) => programs.includes(path))).toEqual([]);
  });

  test('has all that a running daemon needs loaded: later it may not open files, or find others', () => {
    const early = ['src/main.ts', 'src/host/log.ts', 'src/host/daemonize.ts'];
    const isEarly = (path: string): boolean => early.includes(path) || roomOf(path) === 'ctl';
    expect(linesWith(/(?<!typeof )\bimport\(/, isEarly)).toEqual([]);
  });

  test('prints in the client only', () => {
    expect(linesWith(/\bconsole\./)).toEqual([]);
    const isPrinter = (path: string): boolean => path === 'src/main.ts' || roomOf(path) === 'ctl';
    expect(linesWith(/\bprocess\.(stdout|stderr)\.write\b/, isPrinter)).toEqual([]);
  });
});

describe('the sources', () => {
  test(`have at most ${longestFile} lines each`, () => {
    const long = sources
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > longestFile)
      .map(({ path, lines }) => `${path}: ${lines}`);
    expect(long).toEqual([]);
  });

  test('leave nothing open', () => {
    const all = [
      ...sources.map(({ path }) => path),
      ...filesBelow('python', /\.py$/),
      ...filesBelow('scripts', /./),
      ...filesBelow('systemd', /./),
      ...filesBelow('bin', /./),
    ];
    const marks = /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck|expect-error)|\bas any\b|# noqa(?!:)/;
    const found = all.filter((path) => marks.test(readFileSync(join(root, path), 'utf8')));
    expect(found).toEqual([]);
  });
});
