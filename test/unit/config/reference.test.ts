import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { djangoSettings, wsgiSettings } from '../../../src/config/engine-settings.ts';
import { proofSettings } from '../../../src/config/proof-settings.ts';
import { daemonSettings, poolSettings } from '../../../src/config/settings.ts';
import { presets } from '../../../src/plan/presets.ts';
import { presetsReference, settingsReference } from '../../helpers/settings-reference.ts';
import { loadText } from '../../helpers/surroundings.ts';

const document = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const examples = [...document.matchAll(/```toml\n(?<toml>[^`]*)```/g)].map(
  (match) => match.groups?.['toml'] ?? '',
);
const examplePools = examples.filter((toml) => toml.startsWith('[pools.'));

const accounts = ['mysite', 'api', 'legacy', 'thumbnails', 'www-data'].map((name, index) => ({
  name,
  id: 2000 + index,
}));

const machine = {
  accounts: {
    user: (key: string | number) => {
      const known = accounts.find(({ name, id }) => name === key || id === key);
      return (
        known && {
          name: known.name,
          uid: known.id,
          gid: known.id,
          home: `/home/${known.name}`,
          shell: '/bin/sh',
        }
      );
    },
    group: (key: string | number) => {
      const known = accounts.find(({ name, id }) => name === key || id === key);
      return known && { name: known.name, gid: known.id };
    },
  },
};

describe('docs/configuration.md', () => {
  it.each([
    ['settings: daemon', settingsReference(daemonSettings)],
    ['settings: pool', settingsReference(poolSettings)],
    ['settings: django', settingsReference(djangoSettings)],
    ['settings: wsgi', settingsReference(wsgiSettings)],
    ['settings: proof', settingsReference(proofSettings)],
    ['presets', presetsReference(presets)],
  ])('has exactly what the code has between the marks of "%s"', (mark, expected) => {
    const between = document.split(`<!-- ${mark} -->\n`)[1]?.split('\n<!-- end -->')[0];
    expect(between).toBe(expected);
  });

  it('has an example for every preset', async () => {
    const shown = await Promise.all(
      examplePools.map(async (toml) => {
        const { plan } = await loadText(toml, machine, { '/etc/runfcgid/thumbnails.env': 'A=1\n' });
        expect(plan.refused).toEqual([]);
        return plan.pools.map(({ preset }) => preset);
      }),
    );
    expect(new Set(shown.flat())).toEqual(new Set(Object.keys(presets)));
  });

  it('has examples that give no warning, but for those without a user', async () => {
    for (const toml of examplePools.filter((each) => each.includes('user '))) {
      const { warnings } = await loadText(toml, machine, { '/etc/runfcgid/thumbnails.env': 'A=1\n' });
      expect(warnings).toEqual([]);
    }
  });

  it('has examples that are TOML', () => {
    expect(examples.length).toBeGreaterThan(6);
    for (const toml of examples) expect(() => parse(toml)).not.toThrow();
  });
});
