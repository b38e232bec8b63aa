import { describe, expect, it } from 'vitest';
import { type ConfigSearch, findConfigFile } from '../../../src/config/sources.ts';

const everything = { exists: () => true };
const nothing = { exists: () => false };
const base: ConfigSearch = { environment: {}, workingDirectory: '/here', uid: 1000, home: '/home/ann' };

describe('the configuration file', () => {
  it.each<[string, Partial<ConfigSearch>, string]>([
    [
      'comes from the command line first',
      { configFile: 'a.toml', environment: { RUNFCGID_CONFIG: '/b' } },
      '/here/a.toml',
    ],
    ['then from RUNFCGID_CONFIG', { environment: { RUNFCGID_CONFIG: 'b.toml' } }, '/here/b.toml'],
    ['is the system file for root', { uid: 0 }, '/etc/runfcgid/runfcgid.toml'],
    ['is in ~/.config for a user', {}, '/home/ann/.config/runfcgid/runfcgid.toml'],
    ['heeds XDG_CONFIG_HOME', { environment: { XDG_CONFIG_HOME: '/xdg' } }, '/xdg/runfcgid/runfcgid.toml'],
    [
      'takes an empty RUNFCGID_CONFIG as not set',
      { environment: { RUNFCGID_CONFIG: '' }, uid: 0 },
      '/etc/runfcgid/runfcgid.toml',
    ],
  ])('%s', (_title, changes, expected) => {
    expect(findConfigFile({ ...base, ...changes }, everything)).toBe(expected);
  });

  it('that is nowhere is an error that names the places looked at', () => {
    expect(() => findConfigFile(base, nothing)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_NOT_FOUND',
        exitCode: 78,
        message: expect.stringMatching(/RUNFCGID_CONFIG.*\/home\/ann\/\.config\/runfcgid\/runfcgid\.toml/),
      }),
    );
  });

  it('that was asked for is never replaced by another', () => {
    expect(() => findConfigFile({ ...base, configFile: 'typo.toml' }, nothing)).toThrow(
      'there is no configuration file /here/typo.toml (named by the command line)',
    );
  });
});
