import type { SettingType } from './setting-types.ts';

/** One line of a table of settings. */
export interface Setting {
  readonly type: SettingType<unknown>;
  /** As it would be written in the file. */
  readonly default?: string | number | boolean | readonly string[];
  /** What applies when nothing is written, where that is not one fixed value. */
  readonly unset?: string;
  readonly isRequired?: true;
  readonly meaning: string;
}

/** A table inside a table, with settings of its own. */
export interface NestedSettings {
  readonly settings: Readonly<Record<string, Setting>>;
  /** A bare text stands for a table with this one setting. */
  readonly shorthand?: string;
  readonly meaning: string;
}

export type SettingsTable = Readonly<Record<string, Setting | NestedSettings>>;

/** The values of a table after parsing; a setting without a default may be undefined. */
export type Values<Table extends SettingsTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly type: SettingType<infer Value> }
    ? Table[Name] extends { readonly default: unknown }
      ? Value
      : Value | undefined
    : Table[Name] extends { readonly settings: infer Nested extends SettingsTable }
      ? Values<Nested> | undefined
      : never;
};
