import { describe, expect, it } from 'vitest';
import { parseTcpTable, parseUnixTable } from '../../../src/host/socket-tables.ts';
import { tcpTableHost } from '../../../src/host/tcp-table-name.ts';

const unixHead = 'Num       RefCount Protocol Flags    Type St Inode Path\n';

describe('the table of Unix sockets', () => {
  it('is read by columns, so that a name may hold spaces', () => {
    const text = `${unixHead}0000000000000000: 00000002 00000000 00010000 0001 01 49812 /run/my app 03 1.sock
ffff8881001a2b00: 00000003 00000000 00000000 0001 03 49813 /run/app.sock
0000000000000000: 00000003 00000000 00000000 0001 03   813
0000000000000000: 00000002 00000000 00000000 0001 02     0 @abstract
`;
    expect(parseUnixTable(text)).toEqual([
      { inode: 49812, isListener: true, state: 1, path: '/run/my app 03 1.sock' },
      { inode: 49813, isListener: false, state: 3, path: '/run/app.sock' },
      { inode: 813, isListener: false, state: 3, path: '' },
      { inode: 0, isListener: false, state: 2, path: '@abstract' },
    ]);
  });

  it('leaves out what is not a row, and keeps rows apart that forge the inode of another', () => {
    const forged = '0000000000000000: 00000002 00000000 00000000 0001 03 49813 /private/1.abc';
    const text = `${unixHead}0000000000000000: 00000003 00000000 00000000 0001 03 49813 /other
0000000000000000: 00000002 00000000 00010000 0001 01 5000 @evil x
${forged}
 0000000000000000: 00000002 00000000 00000000 0001 03 49813 /indented
0000000000000000: 2 0 0 1 03 49813 /narrow
`;
    expect(parseUnixTable(text).filter(({ inode }) => inode === 49813)).toEqual([
      { inode: 49813, isListener: false, state: 3, path: '/other' },
      { inode: 49813, isListener: false, state: 3, path: '/private/1.abc' },
    ]);
  });
});

describe('the tables of TCP sockets', () => {
  it('give the accept queue, the state and the inode, and leave out TIME_WAIT', () => {
    const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2328 00000000:0000 0A 00000000:00000003 00:00000000 00000000    33        0 19204 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2328 0200007F:C001 03 00000000:00000000 01:0000005E 00000000     0        0 0 1 0000000000000000
   2: 0100007F:2328 0200007F:C002 06 00000000:00000000 03:0000176E 00000000     0        0 0 3 0000000000000000
  10: 0100007F:2328 0200007F:C003 08 00000000:00000001 00:00000000 00000000    33        0 19311 1 0000000000000000 20 4 30 10 -1
`;
    const common = { family: 4, host: '0100007F', port: 9000 };
    expect(parseTcpTable(text, 4)).toEqual([
      { ...common, remote: '00000000:0000', state: 10, receiveQueue: 3, uid: 33, inode: 19204 },
      { ...common, remote: '0200007F:C001', state: 3, receiveQueue: 0, uid: 0, inode: 0 },
      { ...common, remote: '0200007F:C003', state: 8, receiveQueue: 1, uid: 33, inode: 19311 },
    ]);
  });

  it('name addresses as the kernel prints them on this machine', () => {
    expect(tcpTableHost('127.0.0.1', 4)).toBe('0100007F');
    expect(tcpTableHost('::1', 6)).toBe('00000000000000000000000001000000');
    expect(tcpTableHost('::', 6)).toBe('0'.repeat(32));
  });
});
