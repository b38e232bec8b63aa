import { longestUnixPath } from '../host/kernel/socket-name.ts';
import { bindSocket, closeDescriptor, listenOn, openStreamSocket } from '../host/kernel/sockets.ts';
import type { ListenPlan } from '../plan/plan.ts';
import { listenFailed } from './listen-errors.ts';
import { preparePrivateDirectory, privateName, removePrivateName } from './private-name.ts';

/**
 * A Unix socket that listens under a private name in `directory`, for our eyes only.
 *
 * @throws RunfcgidError LISTEN_FAILED; then nothing is left behind.
 */
export function openPrivateSocket(
  directory: string,
  plan: ListenPlan,
): { readonly fd: number; readonly privatePath: string } {
  try {
    preparePrivateDirectory(directory);
    const privatePath = privateName(directory);
    const length = Buffer.byteLength(privatePath);
    if (length > longestUnixPath)
      throw new Error(`its name would be ${length} bytes long, ${longestUnixPath} at most`);
    return listenAt(privatePath, plan);
  } catch (cause) {
    const hint = `The daemon must be able to make sockets in ${directory}.`;
    throw listenFailed(plan.address, 'a private socket to prove new workers on cannot be made', hint, cause);
  }
}

function listenAt(privatePath: string, { isBlocking, backlog }: ListenPlan) {
  const fd = openStreamSocket('unix', isBlocking ? 'blocking' : 'non-blocking');
  try {
    bindSocket(fd, { kind: 'unix', path: privatePath });
    listenOn(fd, backlog);
    return { fd, privatePath };
  } catch (error) {
    closeDescriptor(fd);
    removePrivateName(privatePath);
    throw error;
  }
}
