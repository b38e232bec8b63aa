import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { tcpSockets } from '../../../src/host/kernel/tcp-sockets.ts';
import { tcpRowsFromProc, tcpState } from '../../../src/host/socket-tables.ts';
import { eventually, Workshop } from './support.ts';

const shop = new Workshop();
const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  await shop.tearDown();
});

/** A listener with one accepted connection, of the family of the host. What becomes of the others is told to `onOther`. */
async function connection(host: string, onOther = (_: Socket): void => {}): Promise<number> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    if (accepted.push(socket) > 1) onOther(socket);
  }).listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, host);
  sockets.push(client);
  await once(client, 'connect');
  await eventually('the connection is accepted', () => accepted.length > 0);
  return port;
}

function sorted(rows: readonly { readonly port: number; readonly inode: number }[], port: number): unknown {
  return rows.filter((row) => row.port === port).sort((one, other) => one.inode - other.inode);
}

describe('the TCP sockets that sock_diag tells', () => {
  it.each(['127.0.0.1', '::1'])('are those of /proc, in the same writing: %s', async (host) => {
    const port = await connection(host);
    expect(sorted(tcpSockets() ?? [], port)).toEqual(sorted(tcpRowsFromProc(), port));
    const states = (tcpSockets() ?? []).filter((row) => row.port === port).map(({ state }) => state);
    expect(states.sort()).toEqual([tcpState.established, tcpState.listen].sort());
  });

  it('are without those in TIME_WAIT, however many there are', async () => {
    // Who closes first is in TIME_WAIT afterwards: the end that has the port.
    const port = await connection('127.0.0.1', (socket) => socket.resume().end());
    for (let count = 0; count < 300; count += 1) {
      const client = connect(port, '127.0.0.1').resume();
      await once(client, 'close');
    }
    await eventually(
      'the connections are over',
      () => (sorted(tcpSockets() ?? [], port) as unknown[]).length === 2,
    );
    expect(tcpSockets()).toBeDefined();
  });

  it('are told in parts when they are many', async () => {
    const port = await connection('127.0.0.1');
    const clients = Array.from({ length: 600 }, () => connect(port, '127.0.0.1'));
    sockets.push(...clients);
    await Promise.all(clients.map((client) => once(client, 'connect')));
    const remotes = (): ReadonlySet<string> =>
      new Set((tcpSockets() ?? []).filter((row) => row.port === port).map((row) => row.remote));
    await eventually('all are told', () => remotes().size === 602);
  });
});
