import { describe, expect, it } from 'vitest';
import { accountsFrom } from '../../../src/host/accounts.ts';

const files: Readonly<Record<string, string>> = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/bash\n+nis\nbroken:x:abc:1::/:\n33:x:1033:1033::/home/33:\n',
  '/etc/group': 'root:x:0:\nwww-data:x:33:ann,bob\n',
};

function accounts(lookup: (database: string, key: string) => string | undefined = () => undefined) {
  return accountsFrom({ readText: (path) => files[path] ?? '', lookup });
}

describe('an account', () => {
  it('is found by name and by number', () => {
    const root = { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' };
    expect(accounts().user('root')).toEqual(root);
    expect(accounts().user(0)).toEqual(root);
    expect(accounts().user('0')).toEqual(root);
    expect(accounts().group('www-data')).toEqual({ name: 'www-data', gid: 33 });
    expect(accounts().group(33)).toEqual({ name: 'www-data', gid: 33 });
  });

  it('is taken by its name first', () => {
    expect(accounts().user('33')?.uid).toBe(1033);
  });

  it('without a shell has /bin/sh', () => {
    expect(accounts().user('33')?.shell).toBe('/bin/sh');
  });

  it('that no file has is looked up in the other sources of the machine', () => {
    const asked: string[] = [];
    const known = accounts((database, key) => {
      asked.push(`${database} ${key}`);
      return key === 'ldap-user' ? 'ldap-user:*:70000:70000:L:/home/l:/bin/zsh' : undefined;
    });
    expect(known.user('ldap-user')?.uid).toBe(70_000);
    expect(known.user('nobody-knows')).toBeUndefined();
    expect(known.group(70_001)).toBeUndefined();
    known.user('root');
    expect(asked).toEqual(['passwd ldap-user', 'passwd nobody-knows', 'group 70001']);
  });

  it('is not made from a broken line', () => {
    expect(accounts().user('broken')).toBeUndefined();
    expect(accounts().user('+nis')).toBeUndefined();
  });

  it('is looked up where there is no file at all', () => {
    const known = accountsFrom({
      readText: () => {
        throw new Error('ENOENT');
      },
      lookup: () => 'ann:x:1000:1000::/home/ann:/bin/sh',
    });
    expect(known.user('ann')?.home).toBe('/home/ann');
  });
});
