import { safeParse } from 'valibot';
import { describeFound } from './found.ts';
import type { KeyPath, Place, Problem } from './problem.ts';
import type { NestedSettings, Setting, SettingsTable, Values } from './setting.ts';
import { suggestion } from './suggestion.ts';

export type RawTable = Readonly<Record<string, unknown>>;

/**
 * Reads `table` by the table of settings. What is wrong is pushed to `problems`, and the setting then has its
 * default, so that everything else can be looked at too.
 *
 * @param outer what may stand in the table around this one: some settings are looked for in the wrong one.
 */
export function parseTable<Table extends SettingsTable>(
  settings: Table,
  table: RawTable,
  place: Place,
  problems: Problem[],
  outer: SettingsTable = {},
): Values<Table> {
  const parsed: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const at: Place = { file: place.file, path: [...place.path, name] };
    const written = Object.hasOwn(table, name) ? table[name] : undefined;
    parsed[name] = isNested(setting)
      ? parseNested(setting, written, at, problems, settings)
      : parseSetting(setting, written, at, problems);
  }
  problems.push(...unknownKeys(settings, table, place, outer));
  // Each value was made by the schema of its own entry, which is what Values says.
  return parsed as Values<Table>;
}

export function isTable(value: unknown): value is RawTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isNested(setting: Setting | NestedSettings): setting is NestedSettings {
  return 'settings' in setting;
}

function parseNested(
  setting: NestedSettings,
  written: unknown,
  place: Place,
  problems: Problem[],
  outer: SettingsTable,
): unknown {
  if (written === undefined) return undefined;
  if (isTable(written)) return parseTable(setting.settings, written, place, problems, outer);
  const { shorthand } = setting;
  if (shorthand !== undefined && typeof written === 'string') {
    return parseTable(setting.settings, { [shorthand]: written }, place, problems);
  }
  const example = `{ ${Object.keys(setting.settings)[0]} = … }`;
  problems.push({
    ...place,
    message: `expected a table such as ${example}, found ${describeFound(written)}`,
  });
  return undefined;
}

function parseSetting(setting: Setting, written: unknown, place: Place, problems: Problem[]): unknown {
  if (written === undefined) {
    if (setting.isRequired === true) problems.push({ ...place, message: 'is required, and missing' });
    return defaultOf(setting);
  }
  const result = safeParse(setting.type.schema, written);
  if (result.success) return result.output;
  for (const issue of result.issues) {
    const inner = (issue.path ?? []).map((item) => item.key as KeyPath[number]);
    problems.push({
      file: place.file,
      path: [...place.path, ...inner],
      message: `${issue.message}, found ${describeFound(issue.input)}`,
    });
  }
  return defaultOf(setting);
}

function defaultOf(setting: Setting): unknown {
  return setting.default === undefined ? undefined : safeParse(setting.type.schema, setting.default).output;
}

function unknownKeys(
  settings: SettingsTable,
  table: RawTable,
  place: Place,
  outer: SettingsTable,
): Problem[] {
  const known = Object.keys(settings);
  return Object.keys(table)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      file: place.file,
      path: [...place.path, key],
      message:
        misplacedKeyMessage(key, settings, place.path, outer) ??
        unknownKeyMessage(key, table[key], known, place.path),
    }));
}

/** It exists, one table further in or out. */
function misplacedKeyMessage(
  key: string,
  settings: SettingsTable,
  path: KeyPath,
  outer: SettingsTable,
): string | undefined {
  if (Object.hasOwn(outer, key)) {
    return `is not a setting here, but of [${path.slice(0, -1).join('.')}], beside "${path.at(-1)}"`;
  }
  const tables = Object.entries(settings)
    .filter(([, setting]) => isNested(setting) && Object.hasOwn(setting.settings, key))
    .map(([name]) => `${name} = { ${key} = … }`);
  return tables.length === 0 ? undefined : `is not a setting here, but of a table: ${tables.join(', or ')}`;
}

function unknownKeyMessage(key: string, value: unknown, known: readonly string[], path: KeyPath): string {
  const meant = suggestion(key, known);
  if (meant !== undefined) return `is not a setting; did you mean "${meant}"?`;
  if (isTable(value) && path[0] === 'pools' && path.length === 2) {
    return `is not a setting; the name of a pool with a dot needs quotes: [pools."${path[1]}.${key}"]`;
  }
  return 'is not a setting';
}
