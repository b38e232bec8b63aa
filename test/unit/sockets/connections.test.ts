import { describe, expect, it } from 'vitest';
import type { SocketTables, TcpRow, UnixRow } from '../../../src/host/socket-tables.ts';
import { probeDemand } from '../../../src/probes/probe-demand.ts';
import { acceptedFrom, nameOfSocket, nameOfTcpRow, unrelated } from '../../../src/sockets/connection-name.ts';
import { nameInTables } from '../../../src/sockets/connection-reader.ts';
import type { ListenSocket } from '../../../src/sockets/endpoint.ts';
import { HalfOpenHandshakes } from '../../../src/sockets/half-open.ts';

function tables(unix: readonly Partial<UnixRow>[], tcp: readonly Partial<TcpRow>[] = []): SocketTables {
  const unixRow = { inode: 1, isListener: false, state: 3, path: '' };
  const tcpRow = {
    family: 4,
    host: '0100007F',
    port: 9000,
    remote: 'R1',
    state: 1,
    receiveQueue: 0,
    uid: 0,
    inode: 2,
  };
  return {
    unix: () => unix.map((row) => ({ ...unixRow, ...row })),
    tcp: () => tcp.map((row) => ({ ...tcpRow, ...row }) as TcpRow),
    others: () => new Set([77]),
  };
}

describe('the name of a connection', () => {
  it.each([
    [{ kind: 'unix', path: '/p/1.abc' }, { kind: 'unix', path: '/p/1.abc' }, true],
    [{ kind: 'unix', path: '/p/1.abc' }, { kind: 'unix', path: '/p/1.abcd' }, false],
    [{ kind: 'unix', path: '/p/é' }, { kind: 'unix', path: Buffer.from('/p/é').toString('latin1') }, true],
    [{ kind: 'unix', path: '/p/1.abc' }, { kind: 'unix', path: '' }, false],
    [tcp('127.0.0.1', 9000), tcp('127.0.0.1', 9000), true],
    [tcp('127.0.0.1', 9000), tcp('127.0.0.1', 9001), false],
    [tcp('127.0.0.1', 9000), tcp('127.0.0.2', 9000), false],
    [tcp('0.0.0.0', 9000), tcp('192.0.2.7', 9000), true],
    [tcp('0.0.0.0', 9000), tcp('192.0.2.7', 90), false],
    [tcp('0.0.0.0', 9000), tcp6('::1', 9000), false],
    [tcp6('::', 9000), tcp6('2001:db8::1', 9000), true],
    [tcp6('::1', 9000), tcp6('::1', 9000), true],
    [tcp6('::1', 9000), { kind: 'other', family: 16 }, false],
  ] as const)(
    'tells whether a listener on %o accepted a socket named %o: %s',
    (boundTo, name, isAccepted) => {
      expect(acceptedFrom(boundTo)(nameOfSocket(name))).toBe(isAccepted);
    },
  );

  it('is the same in the tables', () => {
    const [row] = tables([], [{}]).tcp();
    expect(row && acceptedFrom(tcp('127.0.0.1', 9000))(nameOfTcpRow(row))).toBe(true);
  });
});

describe('the tables, where a socket may not be looked at', () => {
  const ours = 'unix /private/1.abc';

  it('settle a socket that they list once', () => {
    expect(nameInTables(1, tables([{ path: '/private/1.abc' }]))).toBe(ours);
    expect(nameInTables(1, tables([{ path: '/private/1.abc', state: 1, isListener: true }]))).toBe(unrelated);
    expect(nameInTables(2, tables([], [{ state: 8 }]))).toBe('tcp4 0100007F 9000');
    expect(nameInTables(2, tables([], [{ state: 10 }]))).toBe(unrelated);
    expect(nameInTables(77, tables([]))).toBe(unrelated);
  });

  it('settle nothing that they list twice or not at all', () => {
    expect(nameInTables(1, tables([{ path: '/harmless' }, { path: '/private/1.abc' }]))).toBeUndefined();
    expect(nameInTables(1, tables([]))).toBeUndefined();
  });
});

describe('half-open handshakes', () => {
  const socket = { boundTo: tcp('127.0.0.1', 9000) } as unknown as ListenSocket;
  const syn = (remote: string, changes: Partial<TcpRow> = {}) => ({ remote, state: 3, inode: 0, ...changes });

  it('are those of the port at the switch, until none of them remains', () => {
    const atSwitch = tables([], [syn('R1'), syn('R2'), syn('R3', { port: 9001 }), { remote: 'R4' }]);
    const handshakes = new HalfOpenHandshakes([socket], atSwitch, 100);
    expect(handshakes.remaining(atSwitch, 101)).toBe(2);
    expect(handshakes.remaining(tables([], [syn('R2'), syn('R9')]), 200)).toBe(1);
    expect(handshakes.remaining(tables([], [syn('R9')]), 300)).toBe(0);
    expect(handshakes.remaining(tables([], [syn('R2')]), 400)).toBe(0);
  });

  it('are given up after five seconds', () => {
    const atSwitch = tables([], [syn('R1')]);
    const handshakes = new HalfOpenHandshakes([socket], atSwitch, 100);
    expect(handshakes.remaining(atSwitch, 5099)).toBe(1);
    expect(handshakes.remaining(atSwitch, 5100)).toBe(0);
  });

  it('never concern Unix sockets, whose tables are not even read', () => {
    const unread = { ...tables([]), tcp: () => expect.fail('read') };
    const unix = { boundTo: { kind: 'unix', path: '/p' } } as unknown as ListenSocket;
    expect(new HalfOpenHandshakes([unix], unread, 0).remaining(unread, 1)).toBe(0);
  });
});

describe('the demand for probes', () => {
  it.each([
    ['none', { workers: 3, unproven: 2, held: 3, queued: 2 }],
    ['open-one', { workers: 3, unproven: 2, held: 3, queued: 1 }],
    ['open-one', { workers: 2, unproven: 1, held: 11, queued: 0 }],
    ['replace-oldest', { workers: 2, unproven: 1, held: 12, queued: 0 }],
    ['none', { workers: 2, unproven: 0, held: 0, queued: 0 }],
  ] as const)('is %s for %o', (demand, supply) => {
    expect(probeDemand(supply)).toBe(demand);
  });
});

function tcp(host: string, port: number) {
  return { kind: 'tcp', host, port, family: 4 } as const;
}

function tcp6(host: string, port: number) {
  return { kind: 'tcp', host, port, family: 6 } as const;
}
