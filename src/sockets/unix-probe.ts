import { randomHex } from '../host/kernel/random.ts';
import { bindSocket, closeDescriptor, openStreamSocket, startConnect } from '../host/kernel/sockets.ts';
import type { ProbeConnection } from './endpoint.ts';
import { probeConnection } from './probe-connection.ts';

/**
 * A connection to a Unix listener. It has a name of its own, by which the worker that accepts it can be told from
 * the others (unix(7), abstract).
 *
 * @throws RunfcgidError KERNEL, for example EAGAIN when the backlog is full.
 */
export function connectUnixProbe(boundTo: { readonly kind: 'unix'; readonly path: string }): ProbeConnection {
  const fd = openStreamSocket('unix', 'non-blocking');
  try {
    bindSocket(fd, { kind: 'unix', path: `@runfcgid-${randomHex(12)}` });
    startConnect(fd, boundTo);
    return probeConnection(fd);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
