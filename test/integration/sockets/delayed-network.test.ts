import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/host/clock.ts';
import { readTables, tcpState } from '../../../src/host/socket-tables.ts';
import { watchDrain } from '../../../src/sockets/drain-watch.ts';
import { TcpEndpoint } from '../../../src/sockets/tcp-endpoint.ts';
import { eventually, greeter, requireRoot, type Worker, Workshop } from './support.ts';

const server = '10.213.77.1';
const port = 18_902;
const namespace = `rf${process.pid}`.slice(0, 12);

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(async () => {
  await shop.tearDown();
  // Only there when the script was killed before its end.
  spawnSync('ip', ['netns', 'del', namespace], { stdio: 'ignore' });
});

it('loses no connection of a network with delay, where handshakes are half-open at every switch and stop', async () => {
  requireRoot();
  const script = join(import.meta.dirname, 'delayed-network.py');
  const network = shop.worker('pipe', [
    '/usr/bin/python3',
    script,
    namespace,
    server,
    '10.213.77.2',
    String(port),
    '0.03',
    '30',
  ]);
  await network.says('up');
  const plan = { ...shop.unixPlan('x'), address: { kind: 'tcp', host: server, port, family: 4 } } as const;
  const endpoint = new TcpEndpoint({ ...plan, backlog: 512 }, systemClock);
  let live = endpoint.open();
  let worker: Worker = shop.worker(live.fd, greeter('g'));
  await worker.says('up');
  endpoint.publish(live);
  network.child.stdin?.write('go\n');

  for (let round = 0; round < 5; round += 1) {
    const isStopped = round === 1;
    if (isStopped) {
      await eventually('handshakes are under way', () => halfOpen() > 3);
      endpoint.withdraw();
    }
    const next = endpoint.open();
    const fresh = shop.worker(next.fd, greeter('g'));
    await fresh.says('up');
    if (!isStopped) {
      await eventually('handshakes are under way', () => halfOpen() > 3);
      endpoint.publish(next);
    }
    const old = worker;
    let isDone = false;
    watchDrain({
      sockets: [live],
      lead: isStopped ? 'nowhere' : 'elsewhere',
      ownPids: () => [old.pid],
      pids: () => [old.pid],
      onDrained: () => {
        isDone = true;
      },
      clock: systemClock,
    });
    await eventually('the old socket is drained', () => isDone);
    old.child.kill('SIGKILL');
    live.close();
    if (isStopped) endpoint.publish(next);
    live = next;
    worker = fresh;
  }
  network.child.stdin?.write('end\n');
  await eventually('the clients have finished', () => network.hasExited);
  live.close();
  const tally: Record<string, number> = JSON.parse(network.output.slice(network.output.indexOf('{')));
  expect(Object.keys(tally)).toEqual(['ok']);
});

function halfOpen(): number {
  return readTables()
    .tcp()
    .filter((row) => row.port === port && row.state === tcpState.synReceived).length;
}
