import { describe, expect, it } from 'vitest';
import { isRemoteType } from '../../../src/triggers/file-system.ts';

describe('a file system', () => {
  it.each([
    ['NFS', 0x6969, true],
    ['CIFS', 0xff534d42, true],
    ['CIFS with a sign', 0xff534d42 | 0, true],
    ['FUSE', 0x65735546, true],
    ['9P', 0x01021997, true],
    ['ext4', 0xef53, false],
    ['tmpfs', 0x01021994, false],
    ['btrfs', 0x9123683e, false],
    ['overlay', 0x794c7630, false],
  ])('%s is watched by looking at it: %s, %s', (_name, type, expected) => {
    expect(isRemoteType(type)).toBe(expected);
  });
});
