import { describe, expect, it } from 'vitest';
import {
  decodeSocketName,
  encodeSocketName,
  formatIpv6,
  parseIpv6,
} from '../../../src/host/kernel/socket-name.ts';
import { platformProblem } from '../../../src/host/kernel.ts';

describe('the platform check', () => {
  it.each([
    ['linux', '6.18.44', undefined],
    ['linux', '5.6.0-rc1', undefined],
    ['linux', '5.10.0-28-amd64', undefined],
    ['linux', '5.5.19', 'runfcgid needs Linux 5.6 or later; this is Linux 5.5.19'],
    ['linux', '4.19.0', 'runfcgid needs Linux 5.6 or later; this is Linux 4.19.0'],
    ['darwin', '23.1.0', 'runfcgid needs Linux 5.6 or later; this is darwin'],
  ])('says of %s %s: %s', (platform, kernelRelease, sentence) => {
    expect(platformProblem(platform, kernelRelease)).toBe(sentence);
  });
});

describe('socket names', () => {
  it.each([
    { kind: 'unix', path: '/run/app.sock' },
    { kind: 'unix', path: '@abstract' },
    { kind: 'tcp', family: 4, host: '127.0.0.1', port: 9000 },
    { kind: 'tcp', family: 6, host: '::1', port: 9000 },
    { kind: 'tcp', family: 6, host: '2001:db8::a:0:0:1', port: 65_535 },
  ] as const)('are the same after encoding and decoding: %o', (name) => {
    expect(decodeSocketName(encodeSocketName(name))).toEqual(name);
  });

  it('are empty for an unnamed Unix socket, and other for other families', () => {
    expect(decodeSocketName(Buffer.from([1, 0]))).toEqual({ kind: 'unix', path: '' });
    expect(decodeSocketName(Buffer.from([16, 0, 0, 0]))).toEqual({ kind: 'other', family: 16 });
  });

  it.each(['::', '::1', '1::', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:102:304'])(
    'read and write %s',
    (host) => {
      expect(formatIpv6(parseIpv6(host))).toBe(host);
    },
  );
});
