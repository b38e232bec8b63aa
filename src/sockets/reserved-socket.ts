import { closeDescriptor } from '../host/kernel/sockets.ts';
import { openUnboundSocket, type TcpListenPlan } from './open-tcp-socket.ts';

/** A socket kept unbound for a moment in which there must be one, whether or not there is a descriptor left then. */
export class ReservedSocket {
  #fd: number | undefined;

  /** Does nothing when there is one already, or no descriptor for it at present. */
  keep(plan: TcpListenPlan): void {
    try {
      this.#fd ??= openUnboundSocket(plan);
    } catch {
      // It is missed, if at all, by `take`, which says so.
    }
  }

  /**
   * The socket, which is the caller's from then on.
   *
   * @throws RunfcgidError LISTEN_FAILED when there is none, and none can be opened.
   */
  take(plan: TcpListenPlan): number {
    const fd = this.#fd ?? openUnboundSocket(plan);
    this.#fd = undefined;
    return fd;
  }

  close(): void {
    if (this.#fd !== undefined) closeDescriptor(this.#fd);
    this.#fd = undefined;
  }
}
