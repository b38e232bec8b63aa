import { isAbsolute, relative, sep } from 'node:path';
import { type Glob, parseCover, parseGlob } from './glob.ts';

export interface TreeFilterOptions {
  /** Absolute. */
  readonly directory: string;
  /** `**` + `/*.py`, `!migrations/`; without any that includes, every file is watched. See glob.ts. */
  readonly patterns: readonly string[];
  /** Absolute paths of files and directories that the daemon itself writes. */
  readonly ignore: readonly string[];
}

/** What no reload should ever start from: written by the site, by tools, or by an editor on its way. */
const ignoredAlways: readonly string[] = [
  ...[
    '.git',
    '.hg',
    '.svn',
    'node_modules',
    '__pycache__',
    '.venv',
    '.tox',
    '.nox',
    '.*_cache',
    '.idea',
    '.vscode',
  ],
  ...['*.py[co]', '*.sqlite*', '*.db', '*.db-*', '*.log', '*.log.*', '*.pid', '*.sock', '*.tmp', '.DS_Store'],
  // vim, emacs, kate, JetBrains, GNOME; 4913 is how vim finds out whether it may write in a directory.
  ...['.*.sw?', '*~', '4913', '.#*', '#*#', '.*.kate-swp', '*___jb_*___', '.goutputstream-*'],
];

/** Says which files of a tree matter; pure. Paths are relative to the directory, with slashes. */
export class TreeFilter {
  readonly #included: readonly Glob[];
  readonly #excluded: readonly Glob[];
  readonly #own: readonly string[];

  /** @throws RunfcgidError CONFIG_INVALID for a pattern that is none. */
  constructor({ directory, patterns, ignore }: TreeFilterOptions) {
    const positive = patterns.filter((pattern) => !pattern.startsWith('!'));
    const negative = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
    this.#included = (positive.length === 0 ? ['*'] : positive).map(parseGlob);
    this.#excluded = [...ignoredAlways, ...negative].map(parseCover);
    this.#own = ignore
      .map((path) => relative(directory, path))
      .filter((path) => path !== '' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
  }

  /** The file is wanted by a pattern and ignored by none. */
  isWatched(path: string): boolean {
    return !this.isIgnored(path) && this.#included.some((glob) => glob.matches(path));
  }

  /** The file or directory, with everything in it, is of no interest. */
  isIgnored(path: string): boolean {
    return this.#excluded.some((glob) => glob.matches(path)) || this.#own.some((own) => isWithin(path, own));
  }

  /** Watched files can be in this directory, or below it. */
  isEntered(directory: string): boolean {
    if (this.isIgnored(directory)) return false;
    return this.#included.some(({ base }) => isWithin(directory, base) || isWithin(base, directory));
  }
}

function isWithin(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}
