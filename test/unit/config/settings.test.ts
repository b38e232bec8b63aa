import { safeParse } from 'valibot';
import { describe, expect, it } from 'vitest';
import { djangoSettings, wsgiSettings } from '../../../src/config/engine-settings.ts';
import type { Setting, SettingsTable } from '../../../src/config/setting.ts';
import { daemonSettings, poolSettings } from '../../../src/config/settings.ts';

const everything: SettingsTable = { ...daemonSettings, ...djangoSettings, ...wsgiSettings, ...poolSettings };
const leaves = Object.entries(everything).flatMap(([name, setting]): [string, Setting][] =>
  'type' in setting ? [[name, setting]] : [],
);

describe('every setting', () => {
  it.each(leaves)('%s has a default that it would accept, or says what applies', (_name, setting) => {
    if (setting.default === undefined) {
      expect(setting.isRequired === true || setting.unset !== undefined).toBe(true);
    } else {
      expect(safeParse(setting.type.schema, setting.default).success).toBe(true);
    }
  });

  it.each(leaves)('%s refuses a date and an unknown word, and says what it expected', (_name, setting) => {
    const issues = [new Date(0), { unlikely: 1 }].flatMap(
      (value) => safeParse(setting.type.schema, value).issues ?? [],
    );
    expect(issues.length).toBeGreaterThanOrEqual(1);
    for (const issue of issues) expect(issue.message).toMatch(/^expected /);
  });
});
