import { closeDescriptor, isReadable, socketName } from '../host/kernel/sockets.ts';
import { nameOfSocket } from './connection-name.ts';
import type { ProbeConnection } from './endpoint.ts';

/** Owns a connected, non-blocking, close-on-exec descriptor. */
export function probeConnection(fd: number): ProbeConnection {
  let isOurs = true;
  return {
    name: nameOfSocket(socketName(fd)),
    release() {
      isOurs = false;
      return fd;
    },
    hasEnded: () => isOurs && isReadable(fd),
    close() {
      if (isOurs) closeDescriptor(fd);
      isOurs = false;
    },
  };
}
