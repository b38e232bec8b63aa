/** What a `manage.py` says without being executed. */
export interface ManageFile {
  /** The settings module it falls back to; `undefined` when it names none, or several. */
  readonly settings: string | undefined;
  /** It sets the module whatever the environment says. */
  readonly isForced: boolean;
  /** The interpreter of its first line: a path, or the name that env(1) looks up. */
  readonly interpreter: string | undefined;
}

/** Reads the text of a `manage.py`, of any version of Django. Pure. */
export function readManageFile(text: string): ManageFile {
  const code = text.replaceAll(/^\s*#.*$/gm, '');
  const forced = modulesIn(
    code,
    /environ\[\s*["']DJANGO_SETTINGS_MODULE["']\s*\]\s*=\s*["'](?<module>[\w.]+)["']/g,
  );
  const usual = modulesIn(
    code,
    /environ\.setdefault\(\s*["']DJANGO_SETTINGS_MODULE["']\s*,\s*["'](?<module>[\w.]+)["']/g,
  );
  // Before Django 1.4 the settings were a module beside manage.py that it imported itself.
  const old = /\bexecute_manager\(/.test(code) ? ['settings'] : [];
  const all = [...new Set([...forced, ...usual, ...old])];
  return {
    settings: all.length === 1 ? all[0] : undefined,
    isForced: forced.length > 0,
    interpreter: interpreterOf(text),
  };
}

function modulesIn(code: string, pattern: RegExp): readonly string[] {
  return [...code.matchAll(pattern)].flatMap(({ groups }) => groups?.['module'] ?? []);
}

function interpreterOf(text: string): string | undefined {
  const [program = '', ...words] =
    /^#![ \t]*(?<words>.*)/.exec(text)?.groups?.['words']?.trim().split(/\s+/) ?? [];
  if (!/(?:^|\/)env$/.test(program)) return program === '' ? undefined : program;
  return words.find((word) => !word.startsWith('-') && !word.includes('='));
}
