import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../src/config/address.ts';
import { collides } from '../../../src/plan/listen.ts';
import { ann, loadText, onlyPool, problemsOf } from '../../helpers/surroundings.ts';

const pool = (name: string, listen: string, more = ''): string =>
  `[pools.${name}]\ncommand = ["x"]\nuser = "www-data"\nlisten = ${listen}\n${more}`;

describe('two addresses', () => {
  it.each([
    ['/run/a.sock', 'unix:/run/../run/a.sock', true],
    ['/run/a.sock', '/run/b.sock', false],
    ['127.0.0.1:80', '127.0.0.1:80', true],
    ['127.0.0.1:80', '127.0.0.2:80', false],
    ['127.0.0.1:80', '127.0.0.1:81', false],
    ['*:80', '127.0.0.1:80', true],
    ['127.0.0.1:80', '0.0.0.0:80', true],
    ['[::]:80', '[::1]:80', true],
    ['[::]:80', '0.0.0.0:80', false],
    ['[::1]:80', '127.0.0.1:80', false],
  ])('%s and %s: in the way of each other: %s', (one, other, expected) => {
    expect(collides(parseAddress(one, '/'), parseAddress(other, '/'))).toBe(expected);
    expect(collides(parseAddress(other, '/'), parseAddress(one, '/'))).toBe(expected);
  });
});

describe('an address', () => {
  it('belongs to the first of two pools, and both are named', async () => {
    const { plan } = await loadText(
      pool('one', '"127.0.0.1:9000"') + pool('two', '["/run/two.sock", "*:9000"]'),
    );
    expect(plan.pools.map(({ name }) => name)).toEqual(['one']);
    expect(plan.refused).toEqual([
      {
        name: 'two',
        problems: [
          '/etc/runfcgid/runfcgid.toml:8:1: pools.two.listen: pool "two" listens on 0.0.0.0:9000, which pool "one" has already (see also /etc/runfcgid/runfcgid.toml:4:1: pools.one.listen)',
        ],
      },
    ]);
  });

  it('is listed once in a pool', async () => {
    expect(await problemsOf(pool('a', '["/run/a.sock", "/run/a.sock"]'))).toEqual([
      expect.stringContaining(
        'pools.a.listen[1]: the address unix:/run/a.sock is taken by unix:/run/a.sock before it',
      ),
    ]);
  });

  it('is not the control socket', async () => {
    expect(await problemsOf(pool('a', '"/run/runfcgid/control.sock"'))).toEqual([
      expect.stringContaining('/run/runfcgid/control.sock is the control socket of the daemon'),
    ]);
  });

  it('has a path of at most 107 bytes, counted as bytes', async () => {
    const longest = `/run/${'x'.repeat(102)}`;
    expect((await onlyPool(pool('a', `"${longest}"`))).listen).toHaveLength(1);
    expect(await problemsOf(pool('a', `"${longest}x"`))).toEqual([
      expect.stringContaining('a socket path has at most 107 bytes'),
    ]);
    expect(await problemsOf(pool('a', `"/run/${'é'.repeat(52)}"`))).toEqual([
      expect.stringContaining('has 109'),
    ]);
  });

  it('can be given to a group one belongs to, and to no other', async () => {
    const own = '[pools.a]\ncommand = ["x"]\nlisten = "/run/a.sock"\n';
    expect((await onlyPool(`${own}listen_group = "www-data"\n`, ann)).listen[0]?.gid).toBe(33);
    expect(await problemsOf(`${own}listen_group = "staff"\nlisten_owner = "root"\n`, ann)).toEqual([
      expect.stringContaining('listen_group: you do not belong to the group "staff"'),
      expect.stringContaining('listen_owner: only a daemon that runs as root can give a socket to "root"'),
    ]);
  });

  it('of TCP has no group', async () => {
    const { warnings } = await loadText(pool('a', '"127.0.0.1:9000"', 'listen_group = "www-data"\n'));
    expect(warnings).toEqual([
      '/etc/runfcgid/runfcgid.toml: pools.a.listen_group: has no effect: this pool makes no Unix socket with a path',
    ]);
  });

  it.each(['systemd:web', 'fd:0', 'unix:@site'])(
    'that belongs to one socket makes the pool roll: %s',
    async (text) => {
      const { listen, reload } = await onlyPool(pool('a', `["127.0.0.1:9000", "${text}"]`));
      expect(reload.mode).toBe('rolling');
      expect(listen.map(({ address }) => formatAddress(address))).toEqual(['127.0.0.1:9000', text]);
    },
  );

  it('of systemd stands for every socket of that name, each of which needs a worker', async () => {
    const inheritedNames = ['web', 'api', 'web'];
    const { listen, workers } = await onlyPool(pool('a', '"systemd:web"'), { inheritedNames });
    expect(listen.map(({ address }) => formatAddress(address))).toEqual(['systemd:web:0', 'systemd:web:1']);
    expect(workers).toBe(2);
    const api = await onlyPool(pool('a', '"systemd:api"'), { inheritedNames });
    expect(api.listen.map(({ address }) => formatAddress(address))).toEqual(['systemd:api']);
    const second = await onlyPool(pool('a', '"systemd:web:1"'), { inheritedNames });
    expect(second.listen.map(({ address }) => formatAddress(address))).toEqual(['systemd:web:1']);
  });

  it("of systemd is the first pool's", async () => {
    expect(await problemsOf(pool('a', '"systemd:web"') + pool('b', '"systemd:web:0"'))).toEqual([
      expect.stringContaining('pool "b" listens on systemd:web:0, which pool "a" has already'),
    ]);
  });

  it('with an abstract name has no group, and at most 107 bytes', async () => {
    const { warnings } = await loadText(pool('a', '"unix:@site"', 'listen_group = "www-data"\n'));
    expect(warnings).toEqual([expect.stringContaining('makes no Unix socket with a path')]);
    expect((await onlyPool(pool('a', `"unix:@${'x'.repeat(107)}"`))).listen).toHaveLength(1);
    expect(await problemsOf(pool('a', `"unix:@${'x'.repeat(108)}"`))).toEqual([
      expect.stringContaining('an abstract name has at most 107 bytes'),
    ]);
  });
});
