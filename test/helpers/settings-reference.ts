import type { Setting, SettingsTable } from '../../src/config/setting.ts';
import type { Preset } from '../../src/plan/presets.ts';

/** The rows of the reference in docs/configuration.md for a table of settings. */
export function settingsReference(table: SettingsTable): string {
  const rows = Object.entries(table).map(([name, setting]) =>
    'settings' in setting
      ? `| \`${name}\` | ${setting.shorthand === undefined ? 'table' : 'text, or table'} | see [below](#the-table-${name}) | ${setting.meaning} |`
      : `| \`${name}\` | ${setting.type.name} | ${defaultText(setting)} | ${setting.meaning} |`,
  );
  return ['| Setting | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function defaultText(setting: Setting): string {
  if (setting.isRequired === true) return '**required**';
  return setting.default === undefined ? (setting.unset ?? '') : `\`${JSON.stringify(setting.default)}\``;
}

/** The table in which docs/configuration.md compares the presets. */
export function presetsReference(presets: Readonly<Record<string, Preset>>): string {
  const rows = Object.entries(presets).map(([name, preset]) => {
    const exits = preset.expectedExits.join(', ') || 'none';
    const variables = Object.entries(preset.environment).map(([key, value]) => `\`${key}=${value}\``);
    const signal = preset.stopSignal.replace('SIG', '');
    const blocking = preset.isBlocking ? 'blocking' : 'non-blocking';
    return `| \`${name}\` | ${preset.workers} | ${signal} | ${exits} | ${variables.join(', ') || '—'} | ${blocking} |`;
  });
  const head = '| Preset | Workers | Stop signal | Expected exits | Environment | Listen socket |';
  return [head, '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
}
