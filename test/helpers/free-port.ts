import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** Below are ports that well-known servers have. */
const lowest = 12_000;
const attempts = 1_000;

/**
 * A port of this machine that nobody listens on and that nobody else gets here until this process ends: it may be let go of and
 * taken again. It lies outside the range from which the kernel gives ports to clients and to port 0, and is reserved by
 * an abstract Unix socket of its number (unix(7)), which is free again with this process.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const first = firstEphemeral();
  // On a machine whose range begins at 1024, say, one of that range has to do.
  const highest = first > lowest ? first - 1 : 65_535;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    const reservation = await listen({ path: `\0runfcgid-test-port-${port}` });
    if (reservation === undefined) continue;
    const trial = await listen({ host, port });
    if (trial === undefined) {
      reservation.close();
      continue;
    }
    trial.close();
    await once(trial, 'close');
    reservation.unref();
    return port;
  }
  throw new Error(`no port from ${lowest} to ${highest} is free`);
}

/** `undefined` when somebody listens there. */
async function listen(
  options: { path: string } | { host: string; port: number },
): Promise<Server | undefined> {
  const server = createServer().listen(options);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

/** See ip_local_port_range in ip(7). */
function firstEphemeral(): number {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t')[0]);
}
