import { acceptFrom, closeDescriptor, isReadable, shutDownListener } from '../host/kernel/sockets.ts';

/**
 * Shuts a listener down, closes what waits in its queue, and closes it. A stray process may still hold the socket;
 * without this, clients left in its queue would wait for ever.
 */
export function refuseConnections(fd: number): void {
  shutDownListener(fd);
  while (isReadable(fd)) {
    try {
      closeDescriptor(acceptFrom(fd));
    } catch {
      // Shut down and empty: EINVAL.
      break;
    }
  }
  closeDescriptor(fd);
}
