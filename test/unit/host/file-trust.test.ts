import { describe, expect, it } from 'vitest';
import {
  type FileFacts,
  type FileInDirectory,
  refuseLink,
  refuseToAppend,
  refuseToRead,
} from '../../../src/host/file-trust.ts';

type Kind = 'file' | 'directory' | 'FIFO' | 'character device' | 'block device' | 'socket';

const root = 0;
const site = 33;
const other = 34;
const ann = 1000;

function facts(uid: number, kind: Kind = 'file', mode = 0o644, nlink = 1): FileFacts {
  return {
    uid,
    mode,
    nlink,
    isFile: () => kind === 'file',
    isDirectory: () => kind === 'directory',
    isFIFO: () => kind === 'FIFO',
    isCharacterDevice: () => kind === 'character device',
    isSocket: () => kind === 'socket',
  };
}

const ofRoot = facts(root, 'directory', 0o755);
const ofSite = facts(site, 'directory', 0o755);
const forGroup = facts(root, 'directory', 0o775);
const forEverybody = facts(root, 'directory', 0o1777);

function place(file: FileFacts, directory: FileFacts, ownUid = root): FileInDirectory {
  return { file, directory, ownUid };
}

describe('a symbolic link', () => {
  it.each<[string, number, FileFacts | undefined, number]>([
    ['of root to a secret of root', root, facts(root), root],
    ['of root to what another user has', root, facts(site), root],
    ['of root to nothing, where a log is made', root, undefined, root],
    ['of root to the file of another daemon’s user', root, facts(ann), ann],
    ['of the daemon’s user to anything', ann, facts(root), ann],
    ['of another user to a file of his own', site, facts(site), root],
    ['of another user to a directory of his own', site, facts(site, 'directory'), root],
  ])('%s is followed', (_case, uid, target, ownUid) => {
    expect(refuseLink({ path: '/srv/site/x', uid }, target, ownUid)).toBeUndefined();
  });

  it.each<[string, FileFacts | undefined, number, string]>([
    ['a secret of root', facts(root), root, 'a regular file of user 0'],
    ['a directory of root', ofRoot, root, 'a directory of user 0'],
    ['a secret of a third user', facts(other), root, 'a regular file of user 34'],
    ['a secret of the daemon’s user', facts(ann), ann, 'a regular file of user 1000'],
    ['nothing, where root would make a file', undefined, root, 'nothing'],
  ])('of another user to %s is not', (_case, target, ownUid, found) => {
    expect(refuseLink({ path: '/srv/site/x', uid: site }, target, ownUid)).toEqual({
      message: `expected a symbolic link of another user to lead to what is his own, found /srv/site/x of user 33, which leads to ${found}`,
      hint: expect.stringMatching(/^If that is as it should be, .*\.$/),
    });
  });
});

describe('a file that is read', () => {
  it.each<[string, FileFacts, FileFacts]>([
    ['of the site in its own directory', facts(site), ofSite],
    ['for root alone in the directory of a site', facts(root, 'file', 0o600), ofSite],
    [
      'of the site with two names, as a deployment by hard links makes it',
      facts(site, 'file', 0o600, 2),
      ofSite,
    ],
    ['of root with two names, where root alone makes names', facts(root, 'file', 0o600, 2), ofRoot],
  ])('may be one %s', (_case, file, directory) => {
    expect(refuseToRead(place(file, directory))).toBeUndefined();
  });

  it.each<[string, FileFacts, string]>([
    ['a FIFO, which waits for its writer', facts(site, 'FIFO'), 'a FIFO of user 33'],
    ['a FIFO of root', facts(root, 'FIFO'), 'a FIFO of user 0'],
    ['a device, which may never end', facts(root, 'character device'), 'a character device of user 0'],
    ['a directory', ofSite, 'a directory of user 33'],
    ['a socket', facts(site, 'socket'), 'a socket of user 33'],
    ['a disk', facts(root, 'block device'), 'a block device of user 0'],
  ])('is not %s', (_case, file, found) => {
    expect(refuseToRead(place(file, ofSite))?.message).toBe(`expected a regular file, found ${found}`);
  });
});

describe('a log', () => {
  it.each<[string, FileFacts, FileFacts]>([
    ['a file of the site in its own directory', facts(site), ofSite],
    ['a file of root in the directory of a site', facts(root), ofSite],
    ['a file of the site where a group makes names', facts(site), forGroup],
    ['a file of root where everybody makes names', facts(root), forEverybody],
    ['a FIFO of root, wherever it is', facts(root, 'FIFO'), ofSite],
    ['a device', facts(ann, 'character device'), ofRoot],
  ])('may be %s', (_case, file, directory) => {
    expect(refuseToAppend(place(file, directory), false)).toBeUndefined();
  });

  it.each<[string, FileFacts, FileFacts]>([
    ['a FIFO of the site', facts(site, 'FIFO'), ofSite],
    ['a directory', facts(root, 'directory'), ofRoot],
    ['a disk', facts(root, 'block device'), ofRoot],
    ['a socket', facts(root, 'socket'), ofRoot],
  ])('is not %s', (_case, file, directory) => {
    expect(refuseToAppend(place(file, directory), false)).toMatchObject({
      message: expect.stringMatching(/^expected a regular file, a device .*; found an? .* of user \d+$/),
      hint: 'Remove it, or choose another place for the log.',
    });
  });

  it('may be the pipe of whoever started the daemon', () => {
    expect(refuseToAppend(place(facts(ann, 'FIFO'), ofRoot), true)).toBeUndefined();
    expect(refuseToAppend(place(facts(ann, 'socket'), ofRoot), true)?.hint).toMatch(/^Choose another place/);
  });

  it('is none that another user has made where everybody makes names', () => {
    expect(refuseToAppend(place(facts(site), forEverybody), false)?.message).toMatch(/found one of user 33$/);
    expect(refuseToAppend(place(facts(ann), forEverybody, ann), false)).toBeUndefined();
    expect(refuseToAppend(place(facts(site), facts(site, 'directory', 0o1777)), false)).toBeUndefined();
  });
});

it.each<[string, FileFacts, FileFacts]>([
  ['of root in the directory of a site', facts(root, 'file', 0o600, 2), ofSite],
  ['of a third user in the directory of a site', facts(other, 'file', 0o600, 3), ofSite],
  ['of root where a group makes names', facts(root, 'file', 0o600, 2), forGroup],
  ['of root where everybody makes names', facts(root, 'file', 0o600, 2), forEverybody],
])(
  'a file with several names %s may have got one by somebody else: it is neither read nor written',
  (_case, file, directory) => {
    const refusal = { message: expect.stringMatching(/^expected a file with one name .* \d names$/) };
    expect(refuseToRead(place(file, directory))).toMatchObject(refusal);
    expect(refuseToAppend(place(file, directory), false)).toMatchObject(refusal);
  },
);
